import Foundation
import TestSupport
import Testing

@testable import Radiography

@Suite struct PNGTests {
    @Test func whatIsWrittenIsReadBackAndByPillow() throws {
        let scratch = try ScratchDirectory()
        let url = scratch.url.appendingPathComponent("picture.png")
        for channels in [PNGFile.Channels.gray, .rgb] {
            let count = 13 * 7 * channels.rawValue
            let pixels = (0..<count).map { UInt8($0 * 37 % 256) }
            try PNGFile(rows: 13, columns: 7, channels: channels, pixels: pixels).write(to: url)
            #expect(try PNGFile(contentsOf: url, channels: channels).pixels == pixels)
            let raw = scratch.url.appendingPathComponent("pixels.raw")
            try runPython("png_pixels.py", url.path, raw.path)
            #expect([UInt8](try Data(contentsOf: raw)) == pixels)
        }
    }

    @Test func filesThatAreNoPNGAreNamed() throws {
        let scratch = try ScratchDirectory()
        let url = scratch.url.appendingPathComponent("note.png")
        try Data("hello".utf8).write(to: url)
        #expect(throws: PNGError.self) { try PNGFile(contentsOf: url) }
        #expect(throws: PNGError.self) { try PNGFile(contentsOf: scratch.url.appendingPathComponent("absent.png")) }
        let nowhere = scratch.url.appendingPathComponent("absent/out.png")
        #expect(throws: PNGError.self) { try PNGFile(rows: 1, columns: 1, pixels: [1]).write(to: nowhere) }
    }
}
