import DICOM

/// Colour to luma, for secondary captures of radiographs.
enum ColourConversion {
    /// Luma of three samples by pixel (ITU-R BT.601: 0.299 R + 0.587 G + 0.114 B, rounded).
    static func luma(_ frame: RawSamples, _ format: PixelFormat) throws -> DecodedFrame {
        let stored = frame.storedValues(format)
        let isRGB = frame.colourModel == "RGB"
        guard isRGB || frame.colourModel.hasPrefix("YBR_FULL") else {
            throw RadiographyError.unsupportedPixelFormat("decoded colours in \(frame.colourModel)")
        }
        let values = [UInt16](unsafeUninitializedCapacity: format.pixelCount) { buffer, initialized in
            for index in 0..<format.pixelCount {
                let first = index * 3
                buffer[index] = isRGB ? luma(stored[first], stored[first + 1], stored[first + 2]) : stored[first]
            }
            initialized = format.pixelCount
        }
        return DecodedFrame(
            rows: format.rows, columns: format.columns, values: values, bitsStored: format.bitsStored, isSigned: false,
            isMonochrome1: false, notes: frame.notes + ["colour was turned into luma"])
    }

    /// Luma through the three palettes (PS3.3 C.7.6.3.1.5).
    static func paletteLuma(_ frame: RawSamples, _ format: PixelFormat, _ dataset: Dataset) throws -> DecodedFrame {
        let channels = [
            (Tag.redPaletteDescriptor, Tag.redPaletteData), (.greenPaletteDescriptor, .greenPaletteData),
            (.bluePaletteDescriptor, .bluePaletteData),
        ]
        let palettes = try channels.map { descriptor, data in
            guard let table = LookupTable(dataset, descriptor: descriptor, data: data, signedInput: format.isSigned)
            else {
                throw RadiographyError.unsupportedPixelFormat("a palette that is absent, segmented or of another size")
            }
            return table
        }
        let bits = palettes[0].bits
        guard palettes.allSatisfy({ $0.bits == bits }) else {
            throw RadiographyError.unsupportedPixelFormat("palettes of different depths")
        }
        let plain = DecodedFrame(
            rows: format.rows, columns: format.columns, values: [], bitsStored: format.bitsStored,
            isSigned: format.isSigned, isMonochrome1: false, notes: [])
        let table = (0..<(1 << format.bitsStored)).map { pattern in
            let value = plain.number(UInt16(pattern))
            return luma(palettes[0][value], palettes[1][value], palettes[2][value])
        }
        return DecodedFrame(
            rows: format.rows, columns: format.columns, values: frame.storedValues(format).map { table[Int($0)] },
            bitsStored: bits, isSigned: false, isMonochrome1: false,
            notes: frame.notes + ["palette colour was turned into luma"])
    }

    /// Planes to samples by pixel.
    static func interleave(_ planes: [UInt16], pixelCount: Int) -> [UInt16] {
        var values = [UInt16](repeating: 0, count: pixelCount * 3)
        for channel in 0..<3 {
            for index in 0..<pixelCount {
                values[index * 3 + channel] = planes[channel * pixelCount + index]
            }
        }
        return values
    }

    /// Y1 Y2 Cb Cr (PS3.3 C.7.6.3.1.2) to samples by pixel.
    static func expand422(_ packed: [UInt16], pixelCount: Int) -> [UInt16] {
        var values = [UInt16](repeating: 0, count: pixelCount * 3)
        for index in 0..<pixelCount {
            let group = index / 2 * 4
            values[index * 3] = packed[group + index % 2]
            values[index * 3 + 1] = packed[group + 2]
            values[index * 3 + 2] = packed[group + 3]
        }
        return values
    }

    private static func luma(_ red: UInt16, _ green: UInt16, _ blue: UInt16) -> UInt16 {
        let thousandths = UInt32(red) * 299 + UInt32(green) * 587 + UInt32(blue) * 114
        return UInt16((thousandths + 500) / 1000)
    }
}
