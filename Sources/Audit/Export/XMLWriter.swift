/// Writes one XML document on one line.
struct XMLWriter {
    private(set) var text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>"

    /// An element; attributes that are nil are left out.
    mutating func element(
        _ name: String, _ attributes: [(String, String?)] = [], content: ((inout XMLWriter) -> Void)? = nil
    ) {
        text += "<\(name)"
        for case (let name, let value?) in attributes {
            text += " \(name)=\""
            escape(value)
            text += "\""
        }
        guard let content else {
            text += "/>"
            return
        }
        text += ">"
        content(&self)
        text += "</\(name)>"
    }

    /// An element that holds text.
    mutating func element(_ name: String, text value: String) {
        element(name) { $0.escape(value) }
    }

    /// XML 1.0 has no form for control characters; the replacement character stands where one was.
    mutating func escape(_ value: String) {
        for scalar in value.unicodeScalars {
            switch scalar {
            case "&": text += "&amp;"
            case "<": text += "&lt;"
            case ">": text += "&gt;"
            case "\"": text += "&quot;"
            case "\t", "\n", "\r": text += "&#\(scalar.value);"
            case "\u{0}"..<" ", "\u{FFFE}", "\u{FFFF}": text += "\u{FFFD}"
            default: text.unicodeScalars.append(scalar)
            }
        }
    }
}
