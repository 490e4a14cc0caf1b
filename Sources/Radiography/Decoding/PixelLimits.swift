/// How large an image may be before decoding is refused. Checked before memory is taken.
public struct PixelLimits: Codable, Equatable, Sendable {
    /// Rows x Columns of one frame. The largest flat-panel radiographs have about 2^24 pixels and stitched ones 2^25;
    /// the default, 2^26, bounds decoding and presentation to about 1 GB.
    public var maximumPixels: Int

    /// The compressed bytes of one frame.
    public var maximumCompressedBytes: Int

    /// The tiles, precincts and code-blocks that a JPEG 2000 code-stream may ask for: each costs the decoder memory
    /// before the first sample is decoded.
    public var maximumCodeStreamParts: Int

    /// Limits; the defaults fit every radiograph that the project's authors have seen.
    public init(
        maximumPixels: Int = 1 << 26, maximumCompressedBytes: Int = 1 << 28, maximumCodeStreamParts: Int = 1 << 20
    ) {
        self.maximumPixels = maximumPixels
        self.maximumCompressedBytes = maximumCompressedBytes
        self.maximumCodeStreamParts = maximumCodeStreamParts
    }

    /// The documented defaults.
    public static let standard = PixelLimits()
}
