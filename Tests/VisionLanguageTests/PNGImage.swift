import Foundation

@testable import VisionLanguage

/// Reads the 8-bit grayscale PNG files that the trainer stores for comparison; the library itself takes pixels only.
enum PNGImage {
    struct Unreadable: Error {
        var reason: String
    }

    static func load(_ url: URL) throws -> ImageBuffer {
        let file = [UInt8](try Data(contentsOf: url))
        guard file.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) else {
            throw Unreadable(reason: "no PNG signature")
        }
        func number(_ at: Int) -> Int { file[at..<at + 4].reduce(0) { $0 << 8 | Int($1) } }
        var (width, height) = (0, 0)
        var compressed: [UInt8] = []
        var position = 8
        while position + 12 <= file.count {
            let length = number(position)
            let body = position + 8
            switch String(decoding: file[position + 4..<body], as: UTF8.self) {
            case "IHDR":
                (width, height) = (number(body), number(body + 4))
                guard file[body + 8] == 8, file[body + 9] == 0, file[body + 12] == 0 else {
                    throw Unreadable(reason: "not 8-bit grayscale without interlace")
                }
            case "IDAT": compressed += file[body..<body + length]
            default: break
            }
            position = body + length + 4
        }
        // Two bytes of zlib header before the deflate stream.
        var inflater = Inflater(Array(compressed.dropFirst(2)))
        return try ImageBuffer(
            width: width, height: height, channels: 1,
            samples: unfiltered(try inflater.inflate(), width: width, height: height))
    }

    /// PNG specification, clause 9.
    private static func unfiltered(_ lines: [UInt8], width: Int, height: Int) throws -> [UInt8] {
        guard lines.count == (width + 1) * height else { throw Unreadable(reason: "wrong length") }
        var image = [UInt8](repeating: 0, count: width * height)
        for row in 0..<height {
            let filter = lines[row * (width + 1)]
            for column in 0..<width {
                let raw = lines[row * (width + 1) + 1 + column]
                let left = column > 0 ? image[row * width + column - 1] : 0
                let above = row > 0 ? image[(row - 1) * width + column] : 0
                let corner = row > 0 && column > 0 ? image[(row - 1) * width + column - 1] : 0
                let prediction: UInt8
                switch filter {
                case 0: prediction = 0
                case 1: prediction = left
                case 2: prediction = above
                case 3: prediction = UInt8((Int(left) + Int(above)) / 2)
                case 4:
                    let estimate = Int(left) + Int(above) - Int(corner)
                    let distances = [left, above, corner].map { abs(estimate - Int($0)) }
                    prediction =
                        distances[0] <= distances[1] && distances[0] <= distances[2]
                        ? left : distances[1] <= distances[2] ? above : corner
                default: throw Unreadable(reason: "filter \(filter)")
                }
                image[row * width + column] = raw &+ prediction
            }
        }
        return image
    }
}

/// RFC 1951.
private struct Inflater {
    private let input: [UInt8]
    private var position = 0
    private var bits: UInt32 = 0
    private var bitCount = 0
    private var output: [UInt8] = []

    init(_ input: [UInt8]) {
        self.input = input
    }

    /// Symbols by code length and code.
    private struct Code {
        private var counts = [Int](repeating: 0, count: 16)
        private var symbols: [Int] = []

        init(_ lengths: [Int]) {
            for length in lengths where length > 0 { counts[length] += 1 }
            for length in 1...15 { symbols += lengths.indices.filter { lengths[$0] == length } }
        }

        func read(_ bit: () throws -> Int) throws -> Int {
            var (code, first, index) = (0, 0, 0)
            for length in 1...15 {
                code |= try bit()
                if code - counts[length] < first { return symbols[index + code - first] }
                index += counts[length]
                first = (first + counts[length]) << 1
                code <<= 1
            }
            throw PNGImage.Unreadable(reason: "bad code")
        }
    }

    private mutating func take(_ count: Int) throws -> Int {
        while bitCount < count {
            guard position < input.count else { throw PNGImage.Unreadable(reason: "truncated") }
            bits |= UInt32(input[position]) << UInt32(bitCount)
            position += 1
            bitCount += 8
        }
        let value = Int(bits & ((1 << UInt32(count)) - 1))
        bits >>= UInt32(count)
        bitCount -= count
        return value
    }

    mutating func inflate() throws -> [UInt8] {
        var isLast = false
        while !isLast {
            isLast = try take(1) == 1
            switch try take(2) {
            case 0:
                (bits, bitCount) = (0, 0)
                let length = Int(input[position]) | Int(input[position + 1]) << 8
                output += input[position + 4..<position + 4 + length]
                position += 4 + length
            case 1:
                let lengths = (0..<288).map { $0 < 144 ? 8 : $0 < 256 ? 9 : $0 < 280 ? 7 : 8 }
                try block(Code(lengths), Code([Int](repeating: 5, count: 30)))
            case 2: try dynamicBlock()
            default: throw PNGImage.Unreadable(reason: "bad block")
            }
        }
        return output
    }

    private mutating func dynamicBlock() throws {
        let (literals, distances, codes) = (try take(5) + 257, try take(5) + 1, try take(4) + 4)
        var lengths = [Int](repeating: 0, count: 19)
        for index in [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15].prefix(codes) {
            lengths[index] = try take(3)
        }
        let code = Code(lengths)
        var all: [Int] = []
        while all.count < literals + distances {
            switch try code.read({ try take(1) }) {
            case 16: all += [Int](repeating: all.last ?? 0, count: 3 + (try take(2)))
            case 17: all += [Int](repeating: 0, count: 3 + (try take(3)))
            case 18: all += [Int](repeating: 0, count: 11 + (try take(7)))
            case let length: all.append(length)
            }
        }
        try block(Code(Array(all[..<literals])), Code(Array(all[literals...])))
    }

    private mutating func block(_ literals: Code, _ distances: Code) throws {
        while true {
            let symbol = try literals.read { try take(1) }
            if symbol < 256 {
                output.append(UInt8(symbol))
                continue
            }
            if symbol == 256 { return }
            let extra = symbol < 265 || symbol == 285 ? 0 : (symbol - 261) / 4
            let base = symbol == 285 ? 258 : symbol < 265 ? symbol - 254 : 3 + (4 + (symbol - 265) % 4) << extra
            let length = base + (try take(extra))
            let code = try distances.read { try take(1) }
            let spread = code < 4 ? 0 : (code - 2) / 2
            let distance = (code < 4 ? code + 1 : 1 + (2 + code % 2) << spread) + (try take(spread))
            guard distance <= output.count else { throw PNGImage.Unreadable(reason: "bad distance") }
            for _ in 0..<length { output.append(output[output.count - distance]) }
        }
    }
}
