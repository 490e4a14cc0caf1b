import DICOM
import Foundation
import TestSupport
import Testing

@testable import Radiography

/// Rendered gray against DCMTK's `dcmj2pnm`, an independent implementation of the grayscale pipeline.
@Suite struct GrayscaleTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        var signed = false
        var stored: UInt16 = 12
        var photometric = "MONOCHROME2"
        var attributes: [SyntheticDICOM.Element] = []
        /// How dcmj2pnm is told to present.
        var options = ["--use-window", "1"]

        static func window(_ center: String, _ width: String, function: String? = nil) -> [SyntheticDICOM.Element] {
            [
                .init(group: 0x0028, number: 0x1050, vr: "DS", value: .text(center)),
                .init(group: 0x0028, number: 0x1051, vr: "DS", value: .text(width)),
            ] + (function.map { [.init(group: 0x0028, number: 0x1056, vr: "CS", value: .text($0))] } ?? [])
        }

        static func rescale(_ slope: String, _ intercept: String) -> [SyntheticDICOM.Element] {
            [
                .init(group: 0x0028, number: 0x1052, vr: "DS", value: .text(intercept)),
                .init(group: 0x0028, number: 0x1053, vr: "DS", value: .text(slope)),
                .init(group: 0x0028, number: 0x1054, vr: "LO", value: .text("US")),
            ]
        }

        /// A LUT sequence of one item: a curve of 256 entries of `bits`, from `first`.
        static func lut(_ sequence: UInt16, first: UInt16, bits: Int, modality: Bool) -> SyntheticDICOM.Element {
            let top = Double((1 << bits) - 1)
            let curve = (0..<256).map { UInt16(top * (0.5 - 0.5 * cos(Double($0) / 255 * .pi))) }
            var item: [SyntheticDICOM.Element] = [
                .init(group: 0x0028, number: 0x3002, vr: "US", value: .words([256, first, UInt16(bits)])),
                .init(group: 0x0028, number: 0x3006, vr: "US", value: .words(curve)),
            ]
            if modality { item.append(.init(group: 0x0028, number: 0x3004, vr: "LO", value: .text("US"))) }
            return .init(group: 0x0028, number: sequence, vr: "SQ", value: .items([item]))
        }

        static let all = [
            Case(testDescription: "linear window", attributes: window("2000", "1500")),
            Case(testDescription: "linear window, narrow", attributes: window("2000.5", "2")),
            Case(testDescription: "several windows: the first", attributes: window("1500\\3000", "900\\100")),
            Case(testDescription: "sigmoid window", attributes: window("2000", "1000", function: "SIGMOID")),
            Case(testDescription: "rescale and window", attributes: window("100", "900") + rescale("0.5", "-900")),
            Case(
                testDescription: "MONOCHROME1", photometric: "MONOCHROME1", attributes: window("2000", "3000")),
            Case(testDescription: "signed", signed: true, stored: 16, attributes: window("-300", "40000")),
            Case(
                testDescription: "VOI LUT", stored: 8, attributes: [lut(0x3010, first: 0, bits: 12, modality: false)],
                options: ["--use-voi-lut", "1"]),
            Case(
                testDescription: "modality LUT and window",
                attributes: [lut(0x3000, first: 1500, bits: 12, modality: true)] + window("2000", "3500")),
            Case(testDescription: "8 bits without a window", stored: 8, options: ["--no-windowing"]),
        ]
    }

    @Test(arguments: Case.all)
    func renderedGrayAgreesWithDCMTKWithinOneLevel(_ example: Case) throws {
        let scratch = try ScratchDirectory()
        let (rows, columns) = (64, 50)
        let values = SyntheticPixels.values(rows: rows, columns: columns, bits: Int(example.stored))
            .map { example.signed ? $0 ^ 0x8000 : $0 }
        var file = SyntheticDICOM.image(
            rows: UInt16(rows), columns: UInt16(columns), stored: example.stored, signed: example.signed,
            photometric: example.photometric, pixels: .words(values))
        file.elements += example.attributes
        let url = try file.write(to: scratch.url)
        let image = try PresentedImage(DICOMFile(contentsOf: url))
        let target = scratch.url.appendingPathComponent("out.pgm")
        try run("/usr/bin/env", ["dcmj2pnm", "--write-raw-pnm"] + example.options + [url.path, target.path])
        let expected = try portableGraymap(target)
        #expect(expected.rows == rows && expected.columns == columns)
        let difference = zip(image.gray8, expected.gray).map { abs(Int($0) - Int($1)) }.max()
        #expect(difference ?? 255 <= 1)
        #expect(Set(image.gray8).count > 1)
    }

    @Test(
        .enabled(if: SharedData.isPresent, "shared data is absent"),
        arguments: [
            "wg04_RG1_chest_JLSN", "wg04_RG3_tibia_JPLL", "wg04_RG3_tibia_RLE", "siim_txrv_850819_jpegbaseline",
        ])
    func realFilesAreRenderedAsByDCMTK(_ name: String) throws {
        let scratch = try ScratchDirectory()
        let url = RealFiles.url("real/\(name)")
        let file = try DICOMFile(contentsOf: url)
        let options = file.dataset.contains(.windowCenter) ? ["--use-window", "1"] : ["--no-windowing"]
        let target = scratch.url.appendingPathComponent("out.pgm")
        // dcmj2pnm reads no JPEG-LS.
        let raw = scratch.url.appendingPathComponent("raw.dcm")
        try Tool.gdcmconv("--raw", url.path, raw.path)
        try run("/usr/bin/env", ["dcmj2pnm", "--write-raw-pnm"] + options + [raw.path, target.path])
        let image = try PresentedImage(file)
        let difference = zip(image.gray8, try portableGraymap(target).gray).map { abs(Int($0) - Int($1)) }.max()
        #expect(difference ?? 255 <= 1)
    }

    @Test func windowFunctionsFollowTheStandard() {
        // PS3.3 C.11.2.1.2.1: c = 2048, w = 4096 maps 0 to the bottom and 4095 to the top.
        let linear = Window(center: 2048, width: 4096)
        #expect(linear.display(0) == 0 && linear.display(4095) == 1)
        // c = 0, w = 1: a threshold.
        let threshold = Window(center: 0, width: 1)
        #expect(threshold.display(-1) == 0 && threshold.display(0) == 1)
        // C.11.2.1.3.2: exact, c = 2048, w = 4096.
        let exact = Window(center: 2048, width: 4096, function: .linearExact)
        #expect(exact.display(0) == 0 && exact.display(2048) == 0.5 && exact.display(4096) == 1)
        let sigmoid = Window(center: 10, width: 4, function: .sigmoid)
        #expect(sigmoid.display(10) == 0.5 && abs(sigmoid.display(14) - 1 / (1 + exp(-4.0))) < 1e-12)
        for width in [0, -5, Double.nan] {
            #expect(!Window(center: 1, width: width).isValid)
        }
    }

    @Test func withoutAWindowPercentilesOfTheExposedFieldAreShown() throws {
        // A collimated image: a bright border of three tenths on every side must not take the contrast away.
        let (rows, columns) = (200, 200)
        let values = (0..<rows * columns).map { index -> UInt16 in
            let (row, column) = (index / columns, index % columns)
            guard (30..<170).contains(row), (30..<170).contains(column) else { return 60000 }
            return UInt16(1000 + (row + column) * 10)
        }
        let file = SyntheticDICOM.image(rows: 200, columns: 200, pixels: .words(values))
        let image = try PresentedImage(DICOMFile(bytes: file.bytes))
        guard case .percentiles(let window) = image.valueOfInterest else {
            Issue.record("no percentiles: \(image.valueOfInterest)")
            return
        }
        #expect(window.center - window.width / 2 < 2000 && window.center + window.width / 2 < 6000)
        #expect(Set(image.gray8).count > 200)
    }
}
