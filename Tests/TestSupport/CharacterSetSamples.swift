/// A patient's name as a modality encodes it, and what it says (PS3.5 annexes H, I, J and K, and ISO 8859 tables).
public struct CharacterSetSample: Sendable {
    /// For file and test names.
    public let name: String
    /// Specific Character Set (0008,0005).
    public let characterSet: String
    /// The value's bytes, trailing carets included.
    public let bytes: [UInt8]
    /// The same in Unicode.
    public let text: String

    private init(_ name: String, _ characterSet: String, _ pieces: [Piece], _ text: String) {
        self.name = name
        self.characterSet = characterSet
        bytes = pieces.flatMap(\.bytes)
        self.text = text
    }

    /// ASCII text or raw bytes.
    private enum Piece: ExpressibleByStringLiteral, ExpressibleByArrayLiteral {
        case ascii(String)
        case raw([UInt8])

        init(stringLiteral text: String) { self = .ascii(text) }
        init(arrayLiteral bytes: UInt8...) { self = .raw(bytes) }

        var bytes: [UInt8] {
            switch self {
            case .ascii(let text): Array(text.utf8)
            case .raw(let bytes): bytes
            }
        }
    }

    public static let all: [CharacterSetSample] = [
        japanese, japaneseHalfWidth, korean, chineseGB18030, chineseGB2312, cyrillic, greek, latin1, latin2, thai,
        unicode,
    ]

    public static let japanese = CharacterSetSample(
        "japanese", "\\ISO 2022 IR 87",
        [
            "Yamada^Tarou=\u{1B}$B;3ED\u{1B}(B^\u{1B}$BB@O:\u{1B}(B=", "\u{1B}$B$d$^$@\u{1B}(B^\u{1B}$B$?$m$&\u{1B}(B",
        ], "Yamada^Tarou=山田^太郎=やまだ^たろう")
    public static let japaneseHalfWidth = CharacterSetSample(
        "japanese-half-width", "ISO 2022 IR 13\\ISO 2022 IR 87",
        [
            [0xD4, 0xCF, 0xC0, 0xDE], "^", [0xC0, 0xDB, 0xB3],
            "=\u{1B}$B;3ED\u{1B}(J^\u{1B}$BB@O:\u{1B}(J=\u{1B}$B$d$^$@\u{1B}(J^\u{1B}$B$?$m$&\u{1B}(J",
        ], "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう")
    public static let korean = CharacterSetSample(
        "korean", "\\ISO 2022 IR 149",
        [
            "Hong^Gildong=\u{1B}$)C", [0xFB, 0xF3], "^\u{1B}$)C", [0xD1, 0xCE, 0xD4, 0xD7], "=\u{1B}$)C", [0xC8, 0xAB],
            "^\u{1B}$)C", [0xB1, 0xE6, 0xB5, 0xBF],
        ], "Hong^Gildong=洪^吉洞=홍^길동")
    public static let chineseGB18030 = CharacterSetSample(
        "chinese", "GB18030", ["Wang^XiaoDong=", [0xCD, 0xF5], "^", [0xD0, 0xA1, 0xB6, 0xAB], "="],
        "Wang^XiaoDong=王^小东=")
    public static let chineseGB2312 = CharacterSetSample(
        "chinese-gb2312", "\\ISO 2022 IR 58",
        [
            "Zhang^XiaoDong=\u{1B}$)A", [0xD5, 0xC5], "^\u{1B}$)A", [0xD0, 0xA1, 0xB6, 0xAB], "=",
        ], "Zhang^XiaoDong=张^小东=")
    public static let cyrillic = CharacterSetSample(
        "cyrillic", "ISO_IR 144", [[0xBB, 0xEE, 0xDA, 0xE1, 0xD5, 0xDC, 0xD1, 0xE3, 0xE0, 0xD3], "^^"],
        "Люксембург^^")
    public static let greek = CharacterSetSample(
        "greek", "ISO_IR 126", [[0xC4, 0xE9, 0xEF, 0xED, 0xF5, 0xF3, 0xE9, 0xEF, 0xF2], "^"], "Διονυσιος^")
    public static let latin1 = CharacterSetSample(
        "latin1", "ISO_IR 100", ["M", [0xFC], "ller^J", [0xF6], "rg^^^"], "Müller^Jörg^^^")
    public static let latin2 = CharacterSetSample(
        "latin2", "ISO_IR 101", ["Dvo", [0xF8, 0xE1], "k^Anton", [0xED], "n"], "Dvořák^Antonín")
    public static let thai = CharacterSetSample(
        "thai", "ISO_IR 166", [[0xCA, 0xC1, 0xAA, 0xD2, 0xC2], "^^^"], "สมชาย^^^")
    public static let unicode = CharacterSetSample(
        "unicode", "ISO_IR 192", [.ascii("Ελένη^Šárka=王^小东=")], "Ελένη^Šárka=王^小东=")
}
