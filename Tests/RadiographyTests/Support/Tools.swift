import Foundation
import TestSupport

/// Programs that the tests compare with, by the names of their Debian packages.
enum Tool: String {
    case dcmcjpeg, dcmcjpls, dcmcrle, dcmconv, dcmj2pnm  // dcmtk
    case gdcmconv  // libgdcm-tools

    /// Runs the program.
    ///
    /// - Throws: `ToolError`, also when the program is not installed.
    func callAsFunction(_ arguments: String...) throws {
        try run("/usr/bin/env", [rawValue] + arguments)
    }
}

struct ToolError: Error, CustomStringConvertible {
    let description: String
}

/// Runs a script of this directory's `Python` folder in the tests' environment, with pydicom, its plugins and
/// imagecodecs.
func runPython(_ script: String, _ arguments: String...) throws {
    let python =
        ProcessInfo.processInfo.environment["CXRGATE_PYTHON"]
        ?? SharedData.packageRoot.appendingPathComponent(".venv/bin/python3").path
    guard FileManager.default.isExecutableFile(atPath: python) else {
        throw ToolError(description: "\(python) is missing: run Tests/run, or set CXRGATE_PYTHON")
    }
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    try run(python, [folder.appendingPathComponent("Python/\(script)").path] + arguments)
}

@discardableResult
func run(_ program: String, _ arguments: [String]) throws -> String {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = arguments
    let output = Pipe()
    process.standardOutput = output
    process.standardError = output
    process.standardInput = FileHandle.nullDevice
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
        throw ToolError(description: "\(arguments.prefix(2).joined(separator: " ")) failed: \(text.suffix(600))")
    }
    return text
}

/// Little-endian 16-bit words of a file.
func words(of url: URL) throws -> [UInt16] {
    let data = try Data(contentsOf: url)
    return data.withUnsafeBytes { raw in
        (0..<data.count / 2).map { UInt16(littleEndian: raw.loadUnaligned(fromByteOffset: $0 * 2, as: UInt16.self)) }
    }
}

/// The gray levels of a binary PGM.
func portableGraymap(_ url: URL) throws -> (rows: Int, columns: Int, gray: [UInt8]) {
    let data = try Data(contentsOf: url)
    var fields: [Int] = []
    var position = 2
    while fields.count < 3 {
        var digits = ""
        while position < data.count, !(48...57).contains(data[position]) {
            if data[position] == UInt8(ascii: "#") {
                while data[position] != 10 { position += 1 }
            }
            position += 1
        }
        while position < data.count, (48...57).contains(data[position]) {
            digits.append(Character(UnicodeScalar(data[position])))
            position += 1
        }
        guard let number = Int(digits) else { throw ToolError(description: "\(url.lastPathComponent) is no PGM") }
        fields.append(number)
    }
    return (fields[1], fields[0], [UInt8](data[(position + 1)...]))
}
