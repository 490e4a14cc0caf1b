/// Text of unknown origin on a terminal.
public enum TerminalText {
    /// The text on one line, without control characters: a hostile sender's AE title must not move the cursor of whoever
    /// reads the log.
    public static func line(_ text: String) -> String {
        String(
            String.UnicodeScalarView(
                text.unicodeScalars.map { scalar in
                    switch scalar.properties.generalCategory {
                    case .control, .lineSeparator, .paragraphSeparator: scalar == "\n" ? "⏎" : "\u{FFFD}"
                    case .format: "\u{FFFD}"
                    default: scalar
                    }
                }))
    }
}
