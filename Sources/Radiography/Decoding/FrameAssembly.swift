import DICOM

/// The compressed bytes of the first frame, gathered from its fragments.
struct FrameAssembly {
    let bytes: [UInt8]
    let notes: [String]

    /// - Throws: `RadiographyError.noPixelData` or `.tooLarge`, or `DICOMError` when the file ends within a fragment.
    init(_ file: DICOMFile, fragmentCount: Int, format: PixelFormat, limits: PixelLimits) throws {
        guard fragmentCount > 0 else { throw RadiographyError.noPixelData("the pixel data have no fragment") }
        let table = try file.basicOffsetTable()
        var bytes: [UInt8] = []
        var notes: [String] = []
        var used = 0
        var stored = 0
        for index in 0..<fragmentCount {
            if index > 0, try Self.startsNextFrame(index, stored, table, format, fragmentCount, file) { break }
            try file.withPixelFragment(index) { fragment in
                guard bytes.count + fragment.count <= limits.maximumCompressedBytes else {
                    throw RadiographyError.tooLarge("more than \(limits.maximumCompressedBytes) compressed bytes")
                }
                bytes.append(contentsOf: fragment)
                stored += fragment.count + 8
            }
            used += 1
        }
        guard !bytes.isEmpty else { throw RadiographyError.noPixelData("the first frame is empty") }
        if used > 1 { notes.append("the frame came in \(used) fragments") }
        self.bytes = bytes
        self.notes = notes
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
