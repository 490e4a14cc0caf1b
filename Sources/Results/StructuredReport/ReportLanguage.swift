import Findings

/// Names of languages for the coded language of a report (PS3.16 CID 5000).
enum ReportLanguage {
    private static let names = [
        "ar": "Arabic", "bg": "Bulgarian", "cs": "Czech", "da": "Danish", "de": "German", "el": "Greek",
        "en": "English", "es": "Spanish", "et": "Estonian", "fi": "Finnish", "fr": "French", "he": "Hebrew",
        "hi": "Hindi", "hr": "Croatian", "hu": "Hungarian", "id": "Indonesian", "it": "Italian", "ja": "Japanese",
        "ko": "Korean", "lt": "Lithuanian", "lv": "Latvian", "nb": "Norwegian Bokmål", "nl": "Dutch",
        "nn": "Norwegian Nynorsk", "no": "Norwegian", "pl": "Polish", "pt": "Portuguese", "ro": "Romanian",
        "ru": "Russian", "sk": "Slovak", "sl": "Slovenian", "sr": "Serbian", "sv": "Swedish", "th": "Thai",
        "tr": "Turkish", "uk": "Ukrainian", "vi": "Vietnamese", "zh": "Chinese",
    ]

    /// The code of an RFC 5646 tag. Subtags stay in the value where they fit; a language without a name here is named
    /// by its tag.
    static func code(_ tag: String) -> Code {
        let primary = tag.split(separator: "-").first.map { $0.lowercased() } ?? tag
        let name = names[primary] ?? primary
        guard tag.utf8.count <= 16, tag.lowercased() != primary else {
            return Code(value: primary, scheme: "RFC5646", meaning: name)
        }
        return Code(value: tag, scheme: "RFC5646", meaning: "\(name) (\(tag))")
    }
}
