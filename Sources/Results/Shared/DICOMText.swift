/// Text of a reading as DICOM value representations take it (PS3.5 6.1 and 6.2).
enum DICOMText {
    /// One line without delimiters, for LO, SH and labels: white space runs become one space, a backslash a slash.
    static func line(_ text: String) -> String {
        let words = text.split { $0.isWhitespace || $0.isNewline || $0.unicodeScalars.allSatisfy(isControl) }
        return words.joined(separator: " ").replacingBackslashes()
    }

    /// One line of at most `limit` characters, the last one an ellipsis when text was cut.
    static func line(_ text: String, limit: Int) -> String {
        let line = line(text)
        guard line.unicodeScalars.count > limit else { return line }
        var cut = ""
        var count = 0
        for character in line {
            count += character.unicodeScalars.count
            if count > limit - 1 { break }
            cut.append(character)
        }
        return cut + "…"
    }

    /// Paragraphs for ST, LT and UT: lines end with CR LF, tabs become spaces, trailing space goes.
    static func paragraphs(_ text: String) -> String {
        var result = ""
        for character in text {
            if character.isNewline {
                result += "\r\n"
            } else if character == "\t" {
                result += " "
            } else if !character.unicodeScalars.allSatisfy(isControl) {
                result.append(character)
            }
        }
        while let last = result.last, last.isWhitespace { result.removeLast() }
        return result
    }

    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        scalar.properties.generalCategory == .control
    }
}

extension String {
    fileprivate func replacingBackslashes() -> String {
        String(map { $0 == "\\" ? "/" : $0 })
    }
}
