import DICOM

/// Which fragments hold the first frame.
struct FrameAssembly {
    let notes: [String]
    private let file: DICOMFile
    private let fragmentCount: Int
    private let byteCount: Int

    /// - Throws: `RadiographyError.noPixelData` or `.tooLarge`, or `DICOMError` when the file ends within a fragment.
    init(_ file: DICOMFile, fragmentCount: Int, format: PixelFormat, limits: PixelLimits) throws {
        guard fragmentCount > 0 else { throw RadiographyError.noPixelData("the pixel data have no fragment") }
        let table = try file.basicOffsetTable()
        var bytes = 0
        var used = 0
        var stored = 0
        for index in 0..<fragmentCount {
            if index > 0, try Self.startsNextFrame(index, stored, table, format, fragmentCount, file) { break }
            let count = try file.withPixelFragment(index) { $0.count }
            bytes += count
            guard bytes <= limits.maximumCompressedBytes else {
                throw RadiographyError.tooLarge("more than \(limits.maximumCompressedBytes) compressed bytes")
            }
            stored += count + 8
            used += 1
        }
        guard bytes > 0 else { throw RadiographyError.noPixelData("the first frame is empty") }
        notes = used > 1 ? ["the frame came in \(used) fragments"] : []
        self.file = file
        self.fragmentCount = used
        byteCount = bytes
    }

    /// Calls `body` with the frame's bytes, which are copied only when they lie in several fragments.
    func withBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) throws -> Result {
        if fragmentCount == 1 { return try file.withPixelFragment(0, body) }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(byteCount)
        for index in 0..<fragmentCount {
            try file.withPixelFragment(index) { bytes.append(contentsOf: $0) }
        }
        return try bytes.withUnsafeBytes(body)
    }

    /// Whether a fragment belongs to the second frame: by the Basic Offset Table, by one fragment for each frame, or
    /// else by a code-stream's first marker (SOI, SOC).
    private static func startsNextFrame(
        _ index: Int, _ stored: Int, _ table: [UInt32], _ format: PixelFormat, _ fragmentCount: Int, _ file: DICOMFile
    ) throws -> Bool {
        if format.frameCount == 1 { return false }
        if table.count > 1, table[1] > table[0] { return stored >= Int(table[1] - table[0]) }
        if fragmentCount == format.frameCount { return true }
        return try file.withPixelFragment(index) { fragment in
            fragment.starts(with: [0xFF, 0xD8, 0xFF]) || fragment.starts(with: [0xFF, 0x4F, 0xFF])
        }
    }
}
