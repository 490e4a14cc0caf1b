import Foundation
import Tensors

/// The element types of safetensors that this runtime reads.
public enum StoredElement: String, Sendable, CaseIterable {
    case float32 = "F32"
    case float16 = "F16"
    case bfloat16 = "BF16"
    case int8 = "I8"
    case uint8 = "U8"
    case int32 = "I32"
    case int64 = "I64"

    /// Bytes of one element.
    public var size: Int {
        switch self {
        case .float32, .int32: 4
        case .float16, .bfloat16: 2
        case .int8, .uint8: 1
        case .int64: 8
        }
    }
}

/// One tensor of a checkpoint: its description, and its bytes in the mapped file.
public struct StoredTensor: Sendable {
    /// The name in the file.
    public let name: String
    /// The type of its elements.
    public let element: StoredElement
    /// Its extents, slowest first (row-major).
    public let shape: [Int]
    /// The mapped file that holds it.
    public let memory: WeightMemory
    /// Where its bytes lie in the file.
    public let range: Range<Int>

    /// The number of elements.
    public var count: Int { shape.reduce(1, *) }

    /// Gives the bytes, little-endian and row-major, to `body`.
    public func withBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) throws -> Result {
        try memory.withBytes(at: range.lowerBound, count: range.count, body)
    }

    /// The elements as `Float`, row-major.
    public func floats() throws -> [Float] {
        try withBytes(floats)
    }

    private func floats(_ bytes: UnsafeRawBufferPointer) -> [Float] {
        switch element {
        case .float32: return convert { bytes.loadUnaligned(fromByteOffset: $0 * 4, as: Float.self) }
        case .float16:
            return convert { Float16Bits.float(bytes.loadUnaligned(fromByteOffset: $0 * 2, as: UInt16.self)) }
        case .bfloat16:
            return convert {
                Float(bitPattern: UInt32(bytes.loadUnaligned(fromByteOffset: $0 * 2, as: UInt16.self)) << 16)
            }
        case .int8: return convert { Float(bytes.loadUnaligned(fromByteOffset: $0, as: Int8.self)) }
        case .uint8: return convert { Float(bytes[$0]) }
        case .int32: return convert { Float(bytes.loadUnaligned(fromByteOffset: $0 * 4, as: Int32.self)) }
        case .int64: return convert { Float(bytes.loadUnaligned(fromByteOffset: $0 * 8, as: Int64.self)) }
        }
    }

    private func convert(_ element: (Int) -> Float) -> [Float] {
        [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
            for index in 0..<count { buffer.initializeElement(at: index, to: element(index)) }
            initialized = count
        }
    }
}

/// IEEE 754 half precision by bits, because `Float16` does not exist on every platform that Swift compiles for.
enum Float16Bits {
    static func float(_ bits: UInt16) -> Float {
        let sign = UInt32(bits & 0x8000) << 16
        let exponent = UInt32(bits >> 10) & 0x1F
        let fraction = UInt32(bits & 0x3FF)
        switch exponent {
        case 0: return (sign == 0 ? 1 : -1) * Float(fraction) * 0x1p-24
        case 31: return Float(bitPattern: sign | 0x7F80_0000 | fraction << 13)
        default: return Float(bitPattern: sign | (exponent + 112) << 23 | fraction << 13)
        }
    }
}

/// A safetensors file: an 8-byte length, a JSON header, and the tensors' bytes without gap or overlap.
///
/// The header is checked in full before anything is used: its length, unique names, known types, extents that agree
/// with the byte range, ranges that tile the data exactly. Source: the format's specification (huggingface/safetensors).
public struct SafetensorsFile: Sendable {
    /// The file's location.
    public let url: URL
    /// The tensors in the order of their bytes.
    public let tensors: [StoredTensor]
    /// The header's `__metadata__`.
    public let metadata: [String: String]

    /// The longest header the format allows.
    static let maximumHeaderLength = 100_000_000

    /// Maps a file and checks its header.
    ///
    /// - Throws: ``CheckpointError``.
    public init(url: URL) throws {
        self.url = url
        func fail(_ reason: String) -> CheckpointError { .badSafetensors(file: url.path, reason: reason) }
        let memory = try MappedFile.map(url)
        let byteCount = memory.byteCount
        guard byteCount >= 8 else { throw fail("shorter than the 8 bytes of the header's length") }
        let length = try memory.withBytes(at: 0, count: 8) { UInt64(littleEndian: $0.loadUnaligned(as: UInt64.self)) }
        guard length <= UInt64(Self.maximumHeaderLength) else { throw fail("the header claims \(length) bytes") }
        let dataStart = 8 + Int(length)
        guard dataStart <= byteCount else {
            throw fail("the header claims \(length) bytes, the file has \(byteCount)")
        }
        let header: JSONDocument
        do {
            header = try memory.withBytes(at: 8, count: Int(length)) { try JSONDocument.parse($0, uniqueNames: true) }
        } catch {
            throw fail("header: \(error)")
        }
        guard let members = header.members else { throw fail("the header is not an object") }

        var tensors: [StoredTensor] = []
        var metadata: [String: String] = [:]
        for (name, value) in members {
            if name == "__metadata__" {
                for (key, text) in value.members ?? [] { metadata[key] = text.string }
            } else {
                tensors.append(try Self.tensor(name, value, memory: memory, dataStart: dataStart, fail))
            }
        }
        tensors.sort { ($0.range.lowerBound, $0.range.upperBound) < ($1.range.lowerBound, $1.range.upperBound) }
        var end = dataStart
        for tensor in tensors {
            guard tensor.range.lowerBound >= end else { throw fail("\(tensor.name) overlaps the tensor before it") }
            guard tensor.range.lowerBound == end else { throw fail("unclaimed bytes before \(tensor.name)") }
            end = tensor.range.upperBound
        }
        guard end == byteCount else { throw fail("\(byteCount - end) unclaimed bytes at the end") }
        self.tensors = tensors
        self.metadata = metadata
    }

    private static func tensor(
        _ name: String, _ value: JSONDocument, memory: WeightMemory, dataStart: Int, _ fail: (String) -> CheckpointError
    ) throws -> StoredTensor {
        guard let type = value["dtype"]?.string else { throw fail("\(name) has no dtype") }
        guard let element = StoredElement(rawValue: type) else { throw fail("\(name) has the type \(type)") }
        guard let extents = value["shape"]?.array, let offsets = value["data_offsets"]?.array, offsets.count == 2,
            let start = offsets[0].integer, let end = offsets[1].integer
        else { throw fail("\(name) lacks shape or data_offsets") }
        var shape: [Int] = []
        var size = element.size
        for extent in extents {
            guard let extent = extent.integer, extent >= 0 else { throw fail("\(name) has an impossible shape") }
            let (product, overflow) = size.multipliedReportingOverflow(by: extent)
            guard !overflow else { throw fail("\(name) has an impossible shape") }
            size = product
            shape.append(extent)
        }
        guard start >= 0, end >= start, end <= memory.byteCount - dataStart else {
            throw fail(
                "\(name) ends at byte \(end) of \(memory.byteCount - dataStart): the file is truncated or damaged")
        }
        guard end - start == size else {
            throw fail("\(name) of shape \(shape) needs \(size) bytes, its range has \(end - start)")
        }
        return StoredTensor(
            name: name, element: element, shape: shape, memory: memory, range: dataStart + start..<dataStart + end)
    }
}

/// Mapping with this module's errors.
enum MappedFile {
    static func map(_ url: URL) throws -> WeightMemory {
        guard FileManager.default.fileExists(atPath: url.path) else { throw CheckpointError.missingFile(url.path) }
        do {
            return try WeightMemory(mapping: url.path)
        } catch TensorError.cannotOpen(_, let reason) {
            throw CheckpointError.unreadable(file: url.path, reason: reason)
        }
    }
}
