import DICOM
import Radiography

/// Pictures that are no chest radiograph, 512 x 512, 8 bits.
enum SyntheticPicture: String, CaseIterable {
    case black, white, gray, noise
    case coarseNoise = "coarse noise"
    case ramp, checkerboard, text, hand, bottle
    case leftRight = "half black, half white"

    /// A header that names a frontal chest, or neither body part nor view.
    func file(named: Bool) throws -> DICOMFile {
        let file = DICOMFile()
        try file.dataset.set(.sopClassUID, "1.2.840.10008.5.1.4.1.1.1.1")
        try file.dataset.set(.modality, "DX")
        try file.dataset.set(.patientAge, "050Y")
        if named {
            try file.dataset.set(.bodyPartExamined, "CHEST")
            try file.dataset.set(.viewPosition, "PA")
        }
        try file.dataset.set(.samplesPerPixel, 1)
        try file.dataset.set(.photometricInterpretation, "MONOCHROME2")
        try file.dataset.set(.rows, Self.side)
        try file.dataset.set(.columns, Self.side)
        try file.dataset.set(.bitsAllocated, 8)
        try file.dataset.set(.bitsStored, 8)
        return file
    }

    static let side = 512

    var frame: DecodedFrame {
        var random = SplitMix(state: 7)
        let blocks = (0..<4096).map { _ in Double(random.next() >> 56) }
        let strokes = (0..<16384).map { _ in random.next() % 5 < 2 }
        let values = (0..<Self.side * Self.side).map { index -> UInt16 in
            let (row, column) = (index / Self.side, index % Self.side)
            let (y, x) = (Double(row) / Double(Self.side), Double(column) / Double(Self.side))
            let gray: Double
            switch self {
            case .black: gray = 0
            case .white: gray = 255
            case .gray: gray = 128
            case .noise: gray = Double(random.next() >> 56)
            case .coarseNoise: gray = blocks[row / 8 * 64 + column / 8]
            case .ramp: gray = 255 * y
            case .checkerboard: gray = (row / 64 + column / 64) % 2 == 0 ? 230 : 25
            case .text: gray = row / 8 % 2 == 0 && strokes[row / 8 * 128 + column / 4] ? 240 : 10
            case .hand: gray = Self.hand(x, y) * 200 + 20
            case .bottle:
                gray = abs(x - 0.5) < (y < 0.3 ? 0.08 : 0.2) && y > 0.05 && y < 0.95 ? 200 - 80 * abs(x - 0.5) : 15
            case .leftRight: gray = column < Self.side / 2 ? 5 : 250
            }
            return UInt16(min(max(gray, 0), 255))
        }
        return DecodedFrame(
            rows: Self.side, columns: Self.side, values: values, bitsStored: 8, isSigned: false, isMonochrome1: false,
            notes: [])
    }

    /// A palm and five fingers with brighter bones.
    private static func hand(_ x: Double, _ y: Double) -> Double {
        let fingers = [(0.2, 0.45, -0.5), (0.36, 0.12, -0.12), (0.5, 0.06, 0), (0.63, 0.12, 0.1), (0.76, 0.25, 0.25)]
        var gray = (x - 0.5) * (x - 0.5) / 0.05 + (y - 0.72) * (y - 0.72) / 0.06 < 1 ? 0.5 : 0
        for (tip, top, lean) in fingers where y > top && y < 0.7 {
            let middle = tip + lean * (top - y) * 0.4
            let distance = abs(x - middle)
            if distance < 0.05 { gray = max(gray, distance < 0.02 ? 0.9 : 0.5) }
        }
        return gray
    }
}

/// Steele, Lea and Flood's generator: the same pictures every time.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
