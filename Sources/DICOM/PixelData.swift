import CDCMTK

/// The Pixel Data element as stored, before any decoding.
public enum PixelDataLayout: Equatable, Sendable {
    /// Native values, with the length that the element claims.
    case native(byteCount: Int)
    /// Fragments of compressed frames (PS3.5 A.4), the Basic Offset Table not counted.
    case encapsulated(fragmentCount: Int)
}

extension DICOMFile {
    /// How the pixel data are stored; nothing is loaded.
    ///
    /// - Throws: `DICOMError.invalidValue` when there are none.
    public func pixelDataLayout() throws -> PixelDataLayout {
        var message = cxr_message()
        var layout = cxr_pixel_layout()
        try check(cxr_pixels_layout(handle, &layout, &message), message)
        return layout.encapsulated
            ? .encapsulated(fragmentCount: Int(layout.fragments)) : .native(byteCount: Int(layout.native_bytes))
    }

    /// Reads the first bytes of native pixel data, 16-bit words in host order, into a buffer of even size.
    ///
    /// - Throws: `DICOMError.invalidValue` when the file holds fewer.
    public func readNativePixels(into buffer: UnsafeMutableRawBufferPointer) throws {
        var message = cxr_message()
        guard let base = buffer.bindMemory(to: UInt8.self).baseAddress, let count = UInt32(exactly: buffer.count) else {
            throw DICOMError.invalidValue(tag: .pixelData, reason: "a frame of \(buffer.count) bytes")
        }
        try check(cxr_pixels_read_native(handle, 0, base, count, &message), message)
    }

    /// Calls `body` with one fragment's bytes, which may be empty.
    ///
    /// - Parameter index: From 0, the Basic Offset Table not counted.
    /// - Throws: `DICOMError.invalidValue` when there is no such fragment, or the file ends within it.
    public func withPixelFragment<Result>(
        _ index: Int, _ body: (UnsafeRawBufferPointer) throws -> Result
    ) throws -> Result {
        var message = cxr_message()
        var bytes: UnsafePointer<UInt8>?
        var count = 0
        try check(cxr_pixels_fragment(handle, UInt32(clamping: index), &bytes, &count, &message), message)
        return try body(UnsafeRawBufferPointer(start: bytes, count: count))
    }

    /// The entries of the Basic Offset Table: positions of frames from the first fragment's item. Often empty.
    ///
    /// - Throws: `DICOMError.invalidValue`.
    public func basicOffsetTable() throws -> [UInt32] {
        var message = cxr_message()
        var bytes: UnsafePointer<UInt8>?
        var count = 0
        try check(cxr_pixels_offset_table(handle, &bytes, &count, &message), message)
        let raw = UnsafeRawBufferPointer(start: bytes, count: count)
        return stride(from: 0, to: count & ~3, by: 4).map {
            UInt32(littleEndian: raw.loadUnaligned(fromByteOffset: $0, as: UInt32.self))
        }
    }

    private func check(_ good: Bool, _ message: cxr_message) throws {
        if !good {
            throw DICOMError.invalidValue(tag: .pixelData, reason: message.string)
        }
    }
}
