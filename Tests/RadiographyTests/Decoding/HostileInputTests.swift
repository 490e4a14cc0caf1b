import DICOM
import Foundation
import TestSupport
import Testing

@testable import Radiography

/// Broken and malicious images cost a named error and nothing else.
@Suite struct HostileInputTests {
    private func decode(_ file: SyntheticDICOM) throws -> DecodedFrame {
        try PixelDecoder().firstFrame(of: DICOMFile(bytes: file.bytes))
    }

    /// A header without pixels behind it.
    private func header(_ rows: UInt16, _ columns: UInt16, stored: UInt16 = 16, pixels: Int = 64) -> SyntheticDICOM {
        .image(rows: rows, columns: columns, stored: stored, pixels: .words([UInt16](repeating: 7, count: pixels)))
    }

    @Test func absurdHeadersAreNamed() {
        #expect(throws: RadiographyError.tooLarge("65535 x 65535 pixels, at most 67108864")) {
            try decode(header(65535, 65535))
        }
        #expect(throws: RadiographyError.invalidAttribute("Rows", value: "0", reason: "expected 1 to 65535")) {
            try decode(header(0, 10))
        }
        #expect(throws: RadiographyError.invalidAttribute("Bits Stored", value: "0", reason: "expected 1 to 16")) {
            try decode(header(8, 8, stored: 0))
        }
        #expect(throws: RadiographyError.invalidAttribute("Bits Stored", value: "17", reason: "expected 1 to 16")) {
            try decode(header(8, 8, stored: 17))
        }
        #expect(throws: RadiographyError.truncated(needed: 2 * 8000 * 8000, found: 128)) {
            try decode(header(8000, 8000))
        }
    }

    @Test func attributesThatAreMissingOrSenselessAreNamed() {
        let changes: [(String, (inout SyntheticDICOM) -> Void)] = [
            ("no rows", { $0.remove(0x0028, 0x0010) }),
            ("no photometric interpretation", { $0.remove(0x0028, 0x0004) }),
            ("unknown photometric interpretation", { $0.set(0x0028, 0x0004, "CS", .text("CMYK")) }),
            ("three samples of monochrome", { $0.set(0x0028, 0x0002, "US", .words([3])) }),
            ("seven samples", { $0.set(0x0028, 0x0002, "US", .words([7])) }),
            ("32 bits allocated", { $0.set(0x0028, 0x0100, "US", .words([32])) }),
            ("high bit below bits stored", { $0.set(0x0028, 0x0102, "US", .words([3])) }),
            ("high bit beyond bits allocated", { $0.set(0x0028, 0x0102, "US", .words([20])) }),
            ("minus one frames", { $0.set(0x0028, 0x0008, "IS", .text("-1")) }),
            ("no pixel data", { $0.remove(0x7FE0, 0x0010) }),
            ("empty pixel data", { $0.set(0x7FE0, 0x0010, "OW", .words([])) }),
            ("no fragments", { $0.set(0x7FE0, 0x0010, "OB", .fragments([])) }),
        ]
        for (name, change) in changes {
            var file = header(8, 8)
            change(&file)
            #expect(throws: RadiographyError.self, "\(name)") { try decode(file) }
        }
    }

    @Test func aPixelDataLengthThatIsNotThereIsNamed() {
        for claimed: UInt32 in [0xFFFF_FFFE, 0x8000_0000, 0x7FFF_FFFE, 100_000_000] {
            var file = header(5000, 5000)
            file.set(0x7FE0, 0x0010, "OW", .words([1, 2, 3, 4]), claimedLength: claimed)
            #expect(throws: (any Error).self, "\(claimed)") { try decode(file) }
        }
    }

    // MARK: - JPEG 2000

    /// A code-stream that announces much and holds nothing.
    private func codeStream(
        columns: UInt32 = 8, rows: UInt32 = 8, tile: UInt32 = 8, components: UInt16 = 1, precincts: [UInt8] = [],
        blockExponent: UInt8 = 4, layers: UInt16 = 1
    ) -> [UInt8] {
        func big<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] {
            withUnsafeBytes(of: number.bigEndian) { Array($0) }
        }
        var bytes: [UInt8] = [0xFF, 0x4F, 0xFF, 0x51] + big(38 + 3 * components) + big(UInt16(0))
        bytes += big(columns) + big(rows) + big(UInt32(0)) + big(UInt32(0))
        bytes += big(tile) + big(tile) + big(UInt32(0)) + big(UInt32(0)) + big(components)
        bytes += (0..<components).flatMap { _ in [UInt8](arrayLiteral: 15, 1, 1) }
        let levels = UInt8(max(precincts.count - 1, 0))
        bytes += [0xFF, 0x52] + big(UInt16(12 + precincts.count)) + [precincts.isEmpty ? 0 : 1, 0] + big(layers)
        bytes += [0, levels, blockExponent, blockExponent, 0, 1] + precincts
        bytes += [0xFF, 0x5C] + big(UInt16(4)) + [0x40, 0x40]
        bytes += [0xFF, 0x90] + big(UInt16(10)) + big(UInt16(0)) + big(UInt32(14)) + [0, 1, 0xFF, 0x93, 0xFF, 0xD9]
        return bytes
    }

    private func image(_ stream: [UInt8], _ rows: UInt16 = 8, _ columns: UInt16 = 8) -> SyntheticDICOM {
        .image(
            rows: rows, columns: columns, transferSyntax: TransferSyntax.jpeg2000Lossless.uid,
            pixels: .fragments([stream]))
    }

    @Test func aCodeStreamThatClaimsTerabytesIsRefusedBeforeOpenJPEGSeesIt() {
        let streams: [(String, [UInt8])] = [
            ("4 G x 4 G pixels", codeStream(columns: .max, rows: .max, tile: .max)),
            ("65535 x 65535 pixels", codeStream(columns: 65535, rows: 65535, tile: 65535)),
            ("tiles of one pixel", codeStream(columns: 8000, rows: 8000, tile: 1)),
            ("16384 components", codeStream(components: 16384)),
            ("precincts of one pixel", codeStream(columns: 8000, rows: 8000, tile: 8000, precincts: [0, 0, 0, 0])),
            ("65535 layers", codeStream(layers: 65535)),
            ("code-blocks of 1024 x 1024", codeStream(blockExponent: 8)),
            ("tiles of no width", codeStream(tile: 0)),
            ("no pixels", codeStream(columns: 0, rows: 0)),
        ]
        for (name, stream) in streams {
            #expect(throws: RadiographyError.self, "\(name)") { try decode(image(stream, 8000, 8000)) }
            stream.withUnsafeBytes { raw in
                let refused = Result { try JPEG2000Inspector.inspect(raw, limits: .standard) }
                #expect(throws: RadiographyError.self, "\(name), the inspector") { try refused.get() }
            }
        }
    }

    @Test func aCodeStreamOfAnotherSizeThanTheHeaderIsRefused() {
        #expect(throws: RadiographyError.contradictsHeader(codeStream: "8 x 8 pixels", header: "9 x 9")) {
            try decode(image(codeStream(), 9, 9))
        }
    }

    @Test func aCodeStreamWithoutDataIsRefusedByTheDecoder() {
        #expect(throws: RadiographyError.self) { try decode(image(codeStream())) }
    }

    // MARK: - Damage

    /// Each codec's file, cut at many places: never a picture of less than was sent.
    @Test func truncatedFilesAreRefused() throws {
        let scratch = try ScratchDirectory()
        for encoding in [Encoding.lossless[0]] + Encoding.lossless.dropFirst(3) {
            let (_, url) = try Depth(allocated: 16, stored: 12, signed: false).write(to: scratch.url)
            let encoded = scratch.url.appendingPathComponent("encoded.dcm")
            try encoding.encode(url, encoded)
            let bytes = [UInt8](try Data(contentsOf: encoded))
            for kept in stride(from: bytes.count / 2, to: bytes.count - 40, by: max(1, bytes.count / 23)) {
                #expect(throws: (any Error).self, "\(encoding.name), \(kept) of \(bytes.count) bytes") {
                    try decode(bytes: Array(bytes[..<kept]))
                }
            }
        }
    }

    private func decode(bytes: [UInt8]) throws {
        _ = try PixelDecoder().firstFrame(of: DICOMFile(bytes: bytes))
    }

    /// The whole way to a decision under random damage: a result or an error of ours, no trap.
    @Test func damagedFilesGiveAPictureOrANamedError() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        print("damagedFilesGiveAPictureOrANamedError: seed \(seed)")
        var generator = SeededGenerator(seed: seed)
        let scratch = try ScratchDirectory()
        let (_, url) = try Depth(allocated: 16, stored: 12, signed: false).write(to: scratch.url)
        for encoding in Encoding.lossless + Encoding.lossy {
            let encoded = scratch.url.appendingPathComponent("encoded.dcm")
            try encoding.encode(url, encoded)
            let bytes = [UInt8](try Data(contentsOf: encoded))
            for _ in 0..<40 {
                let damaged = Mutation.apply(to: bytes, using: &generator)
                do {
                    _ = try AssessedRadiograph(DICOMFile(bytes: damaged), longestSide: 64)
                } catch is RadiographyError {
                } catch is DICOMError {
                }
            }
        }
    }

    /// The address space is limited to little more than a small image needs: a claim must not become an allocation.
    @Test func hostileHeadersAreAnsweredInLittleMemory() throws {
        let scratch = try ScratchDirectory()
        var huge = header(8000, 8000)
        huge.set(0x7FE0, 0x0010, "OW", .words([1, 2, 3, 4]), claimedLength: 128_000_000)
        let files: [(String, SyntheticDICOM)] = [
            ("65535", header(65535, 65535)), ("length", huge),
            ("tiles", image(codeStream(columns: 8000, rows: 8000, tile: 1), 8000, 8000)),
            ("precincts", image(codeStream(columns: 8000, rows: 8000, tile: 8000, precincts: [0, 0]), 8000, 8000)),
        ]
        for (name, file) in files {
            let url = try file.write(to: scratch.url, "\(name).dcm")
            let outcome = try renderWithLimits(url, scratch.url)
            #expect(outcome.status == 1 && outcome.reason == .exit, "\(name): \(outcome.text)")
            #expect(outcome.text.contains("Error:"), "\(name): \(outcome.text)")
        }
        let fine = try Depth(allocated: 16, stored: 12, signed: false).write(to: scratch.url)
        #expect(try renderWithLimits(fine.url, scratch.url).status == 0, "the limit is too low to test anything")
    }

    private func renderWithLimits(
        _ file: URL, _ directory: URL
    ) throws -> (status: Int32, reason: Process.TerminationReason, text: String) {
        let products = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/prlimit")
        process.arguments = [
            "--as=\(400 << 20)", "--cpu=60", products.appendingPathComponent("cxrgate").path, "render", file.path, "-o",
            directory.appendingPathComponent("out.png").path,
        ]
        let output = Pipe()
        process.standardOutput = output
        process.standardError = output
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return (process.terminationStatus, process.terminationReason, text)
    }
}
