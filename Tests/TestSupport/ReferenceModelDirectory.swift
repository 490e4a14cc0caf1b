import Foundation

/// Models for tests of the reading pipeline.
public enum ReferenceModelDirectory {
    /// A reference model of random weights: real files and the real runtime, in a blink; what it says are no words.
    public static let untrained = SharedData.packageRoot.appendingPathComponent(
        "Tests/VisionLanguageTests/Fixtures/models/reference")

    /// The reference model that comes with the gateway; nil where the source tree has none.
    public static let trained: URL? = {
        let url = SharedData.packageRoot.appendingPathComponent("Models/reference")
        let isThere = FileManager.default.fileExists(atPath: url.appendingPathComponent("config.json").path)
        return isThere ? url : nil
    }()

    /// The trained model where there is one.
    public static var preferred: URL { trained ?? untrained }

    /// A `reading:` section.
    ///
    /// - Parameter more: Further options in YAML's flow style, for instance `batch-size: 1`.
    public static func section(_ model: URL = untrained, _ more: String = "") -> String {
        "reading: {model: \(model.path), self-test: {interval: 0s}\(more.isEmpty ? "" : ", " + more)}\n"
    }
}
