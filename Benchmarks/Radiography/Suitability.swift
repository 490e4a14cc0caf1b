import ArgumentParser
import DICOM
import Foundation
import Radiography

/// Prints how often the pixel rules abstain: on real radiographs as they are, and on the same ones spoiled.
struct Suitability: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measure the pixel rules on the wrapped NIH radiographs of patients with odd numbers.")

    @Argument(help: "The directory that scripts/wrap_nih.py wrote.")
    var directory: String

    @Flag(help: "Measure the patients with even numbers too, which made the template.")
    var all = false

    @Flag(help: "Name each radiograph that is refused as it is.")
    var list = false

    func run() throws {
        var policy = SuitabilityPolicy()
        policy.minimumAge = 0
        let variants: [(String, (DecodedFrame) -> DecodedFrame)] = [
            ("as it is", { $0 }),
            ("inverted", { $0.mapped { 255 - $0 } }),
            ("turned 90", { $0.turned(1) }), ("turned 180", { $0.turned(2) }), ("turned 270", { $0.turned(3) }),
            ("mirrored", { $0.mirrored }),
            ("cropped to a quarter", { $0.cropped(rows: $0.rows / 2, columns: $0.columns / 2) }),
            ("threshold to two values", { $0.mapped { $0 > 128 ? 255 : 0 } }),
            ("lower half lost", { $0.halfLost }),
        ]
        var tables = [[String: Int]](repeating: [:], count: variants.count)
        var silent = [[String: Int]](repeating: [:], count: variants.count)
        var count = 0
        for url in try RadiographyBenchmark.files(in: directory) {
            let file = try DICOMFile(contentsOf: url)
            guard all || RadiographyBenchmark.patient(file) % 2 == 1 else { continue }
            count += 1
            let frame = try PixelDecoder().firstFrame(of: file)
            let images = try variants.map { try PresentedImage(file, frame: $0.1(frame)) }
            for (index, image) in images.enumerated() {
                let decision = AssessedRadiograph(file, image, policy: policy).suitability
                tables[index][decision.reasons.first?.rawValue ?? "read", default: 0] += 1
                if list, index == 0, !decision.isSuitable {
                    print("\(url.lastPathComponent): \(decision.explanation)")
                }
            }
            file.dataset.remove(.bodyPartExamined)
            file.dataset.remove(.viewPosition)
            for (index, image) in images.enumerated() {
                let decision = AssessedRadiograph(file, image, policy: policy).suitability
                silent[index][decision.reasons.first?.rawValue ?? "read", default: 0] += 1
            }
        }
        report("header says frontal chest", count, variants.map(\.0), tables)
        report("header says neither body part nor view", count, variants.map(\.0), silent)
        try synthetic(policy)
    }

    private func report(_ title: String, _ count: Int, _ names: [String], _ tables: [[String: Int]]) {
        print("\n\(title), \(count) radiographs")
        for (name, table) in zip(names, tables) {
            let parts = table.sorted { $0.value > $1.value }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
            let refused = count - table["read", default: 0]
            let (low, high) = interval(refused, of: count)
            print(
                "  \(name.padding(toLength: 24, withPad: " ", startingAt: 0)) refused"
                    + String(
                        format: " %5.1f %% (95 %% interval %.1f to %.1f): ", 100 * Double(refused) / Double(count), low,
                        high)
                    + parts)
        }
    }

    /// Wilson's score interval, in percent.
    private func interval(_ hits: Int, of count: Int) -> (Double, Double) {
        let (n, z) = (Double(count), 1.96)
        let share = Double(hits) / n
        let center = (share + z * z / (2 * n)) / (1 + z * z / n)
        let half = z / (1 + z * z / n) * (share * (1 - share) / n + z * z / (4 * n * n)).squareRoot()
        return (max(0, center - half) * 100, min(1, center + half) * 100)
    }

    /// Pictures that are no radiograph at all, under a header that says chest and under a silent one.
    private func synthetic(_ policy: SuitabilityPolicy) throws {
        print("\nno radiographs: decision under a chest header, and under a silent one")
        for picture in SyntheticPicture.allCases {
            let decisions = try [true, false].map { named -> String in
                let file = try picture.file(named: named)
                let image = try PresentedImage(file, frame: picture.frame)
                let decision = AssessedRadiograph(file, image, policy: policy).suitability
                return decision.isSuitable ? "READ" : decision.reasons.map(\.rawValue).joined(separator: "+")
            }
            print(
                "  \(picture.rawValue.padding(toLength: 24, withPad: " ", startingAt: 0)) \(decisions.joined(separator: " | "))"
            )
        }
    }
}

extension DecodedFrame {
    fileprivate func replacing(rows: Int, columns: Int, values: [UInt16]) -> DecodedFrame {
        DecodedFrame(
            rows: rows, columns: columns, values: values, bitsStored: bitsStored, isSigned: isSigned,
            isMonochrome1: isMonochrome1, notes: notes)
    }

    fileprivate func mapped(_ function: (UInt16) -> UInt16) -> DecodedFrame {
        replacing(rows: rows, columns: columns, values: values.map(function))
    }

    /// Quarter turns counter-clockwise.
    fileprivate func turned(_ times: Int) -> DecodedFrame {
        guard times > 0 else { return self }
        var turned: [UInt16] = []
        turned.reserveCapacity(values.count)
        for row in 0..<columns {
            for column in 0..<rows { turned.append(values[column * columns + (columns - 1 - row)]) }
        }
        return replacing(rows: columns, columns: rows, values: turned).turned(times - 1)
    }

    fileprivate var mirrored: DecodedFrame {
        let lines = (0..<rows).flatMap { values[($0 * columns)..<(($0 + 1) * columns)].reversed() }
        return replacing(rows: rows, columns: columns, values: lines)
    }

    fileprivate func cropped(rows newRows: Int, columns newColumns: Int) -> DecodedFrame {
        let lines = (0..<newRows).flatMap { values[($0 * columns)..<($0 * columns + newColumns)] }
        return replacing(rows: newRows, columns: newColumns, values: lines)
    }

    fileprivate var halfLost: DecodedFrame {
        let kept = values.count / 2
        return replacing(
            rows: rows, columns: columns, values: values[..<kept] + [UInt16](repeating: 128, count: values.count - kept)
        )
    }
}
