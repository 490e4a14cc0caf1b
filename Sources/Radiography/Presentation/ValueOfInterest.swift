import DICOM
import Foundation

/// A window of interest (PS3.3 C.11.2.1.2).
public struct Window: Codable, Equatable, Sendable {
    /// The function that the window's values feed (C.11.2.1.3).
    public enum Function: String, Codable, Sendable {
        /// The default.
        case linear = "LINEAR"
        case linearExact = "LINEAR_EXACT"
        case sigmoid = "SIGMOID"
    }

    /// Window Center.
    public var center: Double
    /// Window Width.
    public var width: Double
    /// VOI LUT Function.
    public var function: Function
    /// Window Center & Width Explanation, where given.
    public var explanation: String?

    /// A window.
    public init(center: Double, width: Double, function: Function = .linear, explanation: String? = nil) {
        self.center = center
        self.width = width
        self.function = function
        self.explanation = explanation
    }

    /// Whether the function is defined for this width.
    public var isValid: Bool {
        center.isFinite && width.isFinite && (function == .linear ? width >= 1 : width > 0)
    }

    /// The display value of an input, 0 to 1.
    public func display(_ input: Double) -> Double {
        switch function {
        case .linear:
            // A width of 1 is a threshold at center - 0.5.
            if input <= center - 0.5 - (width - 1) / 2 { return 0 }
            if input > center - 0.5 + (width - 1) / 2 { return 1 }
            return (input - (center - 0.5)) / (width - 1) + 0.5
        case .linearExact:
            return min(max((input - center) / width + 0.5, 0), 1)
        case .sigmoid:
            return 1 / (1 + exp(-4 * (input - center) / width))
        }
    }

    /// The windows that the header gives, in its order; invalid ones are left out.
    static func all(in dataset: Dataset) -> [Window] {
        let centers = dataset.doubles(.windowCenter) ?? []
        let widths = dataset.doubles(.windowWidth) ?? []
        let explanations = dataset.texts(.windowCenterWidthExplanation)
        let function = dataset.texts(.voiLUTFunction).first.flatMap { Function(rawValue: $0.uppercased()) } ?? .linear
        return zip(centers, widths).enumerated().compactMap { index, pair in
            let explanation = index < explanations.count ? explanations[index] : nil
            let window = Window(center: pair.0, width: pair.1, function: function, explanation: explanation)
            return window.isValid ? window : nil
        }
    }
}

/// Where the displayed range comes from.
public enum ValueOfInterestSource: Codable, Equatable, Sendable {
    /// The first item of the VOI LUT Sequence.
    case lookupTable(explanation: String?)
    /// The first valid window of the header.
    case window(Window)
    /// The full range of stored values: images of 8 bits, which were windowed when they were made.
    case fullRange
    /// Percentiles of the exposed field, since the header gives nothing.
    case percentiles(Window)
}
