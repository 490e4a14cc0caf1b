import Foundation

/// The boxes of one reading, read back out of its result objects with other people's software.
public struct ResultBoxes: Decodable, Equatable {
    /// `[left, top, right, bottom]` in pixels of the source, half-open, from the findings report.
    public var report: [[Double]]
    /// The same from the presentation state.
    public var presentation: [[Double]]
    /// The same from the overlay's pixels, ordered by the legend's palette.
    public var overlay: [[Double]]

    /// Runs `Conformance/read_boxes.py`.
    public static func read(findings: String, presentation: String, overlay: String, source: String) throws -> Self {
        let script = SharedData.packageRoot.appendingPathComponent("Conformance/read_boxes.py").path
        let answer = try Command.run(Command.python(), [script, findings, presentation, overlay, source])
        return try JSONDecoder().decode(Self.self, from: Data(answer.output.utf8))
    }
}
