import Foundation

/// Writes a safetensors file tensor by tensor, so that a 7B model is never in memory as a whole.
///
/// The header is fixed first (`layout`), then the bytes follow in the same order. Data starts on a 64-byte boundary and
/// so does every tensor whose size is a multiple of 64, which lets a reader use the mapped bytes as they are.
public final class SafetensorsWriter {
    /// What one tensor of the file will be.
    public struct Entry: Sendable {
        /// The name.
        public var name: String
        /// The type of its elements.
        public var element: StoredElement
        /// Its extents, slowest first.
        public var shape: [Int]

        /// Describes one tensor.
        public init(name: String, element: StoredElement, shape: [Int]) {
            self.name = name
            self.element = element
            self.shape = shape
        }

        /// Its bytes in the file.
        public var byteCount: Int { shape.reduce(element.size, *) }
    }

    private let handle: FileHandle
    private let url: URL
    private let layout: [Entry]
    private var next = 0

    /// Creates the file and writes the header.
    ///
    /// - Throws: ``CheckpointError/unreadable(file:reason:)`` when the file cannot be made.
    public init(url: URL, layout: [Entry], metadata: [String: String] = [:]) throws {
        self.url = url
        self.layout = layout
        guard FileManager.default.createFile(atPath: url.path, contents: nil),
            let handle = FileHandle(forWritingAtPath: url.path)
        else { throw CheckpointError.unreadable(file: url.path, reason: "the file cannot be made") }
        self.handle = handle
        try handle.write(contentsOf: Self.header(layout, metadata))
    }

    private static func header(_ layout: [Entry], _ metadata: [String: String]) -> Data {
        var members: [String] = []
        if !metadata.isEmpty {
            let pairs = metadata.sorted { $0.key < $1.key }.map { "\(quoted($0.key)):\(quoted($0.value))" }
            members.append("\"__metadata__\":{\(pairs.joined(separator: ","))}")
        }
        var offset = 0
        for entry in layout {
            let extents = entry.shape.map(String.init).joined(separator: ",")
            let range = "[\(offset),\(offset + entry.byteCount)]"
            members.append(
                "\(quoted(entry.name)):{\"dtype\":\"\(entry.element.rawValue)\",\"shape\":[\(extents)],"
                    + "\"data_offsets\":\(range)}")
            offset += entry.byteCount
        }
        var text = "{\(members.joined(separator: ","))}"
        text += String(repeating: " ", count: (64 - (8 + text.utf8.count) % 64) % 64)
        var data = withUnsafeBytes(of: UInt64(text.utf8.count).littleEndian) { Data($0) }
        data.append(contentsOf: text.utf8)
        return data
    }

    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\u{00}"..<"\u{20}":
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }

    /// Writes the next tensor of the layout.
    ///
    /// - Precondition: `bytes` has the size that the layout states.
    public func write(_ bytes: UnsafeRawBufferPointer) throws {
        precondition(next < layout.count && bytes.count == layout[next].byteCount, "not the tensor the layout states")
        next += 1
        guard let base = bytes.baseAddress else { return }
        let data = Data(
            bytesNoCopy: UnsafeMutableRawPointer(mutating: base), count: bytes.count, deallocator: .none)
        try handle.write(contentsOf: data)
    }

    /// Writes the next tensor from its elements.
    public func write(_ values: [Float]) throws {
        try values.withUnsafeBytes { try write($0) }
    }

    /// Flushes the file to the disk and closes it.
    ///
    /// - Throws: when the disk is full, or when tensors of the layout were never written.
    public func finish() throws {
        guard next == layout.count else {
            throw CheckpointError.badSafetensors(file: url.path, reason: "\(layout.count - next) tensors not written")
        }
        try handle.synchronize()
        try handle.close()
    }
}
