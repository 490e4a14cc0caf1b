import Foundation

/// Real radiographs that live beside a checkout and are never part of it.
///
/// Tests that use them carry `.enabled(if: SharedData.isPresent, "shared data is absent")`, so that a clean clone
/// shows them as skipped.
public enum SharedData {
    /// `CXRGATE_SHARED`, or `../shared` beside the package.
    public static let root: URL = {
        if let path = ProcessInfo.processInfo.environment["CXRGATE_SHARED"] {
            return URL(fileURLWithPath: path)
        }
        return packageRoot.deletingLastPathComponent().appendingPathComponent("shared")
    }()

    /// The package's own directory.
    public static let packageRoot = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// Whether the radiographs are there.
    public static var isPresent: Bool {
        FileManager.default.fileExists(atPath: root.appendingPathComponent("data/nih/labels.csv").path)
    }
}
