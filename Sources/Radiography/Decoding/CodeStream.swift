/// What a compressed frame says about itself, read before the codec sees it.
struct CodeStreamFacts: Equatable {
    var rows: Int
    var columns: Int
    var components: Int
    /// Bits per sample.
    var precision: Int
    /// Whether JPEG 2000 code-blocks may be coded as ISO/IEC 15444-15 has it.
    var isHighThroughput = false
    /// Departures from the standard that the decoder tolerates; they go into the provenance.
    var notes: [String] = []

    /// Checks that the stream is of the image that the header describes, so that no decoder writes another amount.
    ///
    /// - Throws: `RadiographyError.contradictsHeader`.
    func check(against format: PixelFormat) throws {
        func refuse(_ stream: String, _ header: String) -> RadiographyError {
            .contradictsHeader(codeStream: stream, header: header)
        }
        guard rows == format.rows, columns == format.columns else {
            throw refuse("\(rows) x \(columns) pixels", "\(format.rows) x \(format.columns)")
        }
        guard components == format.samplesPerPixel else {
            throw refuse("\(components) components", "\(format.samplesPerPixel) samples per pixel")
        }
        guard precision <= format.bitsAllocated else {
            throw refuse("\(precision) bits per sample", "\(format.bitsAllocated) bits allocated")
        }
    }
}

/// Big-endian reading that never leaves its buffer.
struct ByteReader {
    let bytes: UnsafeRawBufferPointer
    var position: Int

    init(_ bytes: UnsafeRawBufferPointer, at position: Int = 0) {
        self.bytes = bytes
        self.position = position
    }

    var remaining: Int { max(0, bytes.count - position) }

    mutating func byte() throws -> Int {
        guard position >= 0, position < bytes.count else {
            throw RadiographyError.malformedCodeStream("it ends within a marker segment")
        }
        defer { position += 1 }
        return Int(bytes[position])
    }

    mutating func word() throws -> Int { try byte() << 8 | byte() }

    mutating func long() throws -> Int { try word() << 16 | word() }
}
