import Foundation
import VisionLanguage

/// How a model is loaded and how long its answers may be.
public struct ChestModelOptions: Sendable {
    /// Formats of weights and activations.
    public var loading: LoadingOptions
    /// The most tokens of one answer; nil for what the checkpoint recommends, else 512.
    public var maximumTokens: Int?
    /// The most tiles of an any-resolution model beside the whole image; nil for as many as it was trained with.
    public var maximumTiles: Int?
    /// The most studies that decode together.
    public var maximumBatch: Int
    /// A directory whose `<family>.json` stands instead of the prompts that the program carries.
    public var promptDirectory: URL?

    /// The defaults keep the checkpoint's own formats and prompts.
    public init(
        loading: LoadingOptions = LoadingOptions(), maximumTokens: Int? = nil, maximumTiles: Int? = nil,
        maximumBatch: Int = 8, promptDirectory: URL? = nil
    ) {
        self.loading = loading
        self.maximumTokens = maximumTokens
        self.maximumTiles = maximumTiles
        self.maximumBatch = maximumBatch
        self.promptDirectory = promptDirectory
    }
}

/// What a model can be asked for.
public enum ReadingTask: String, Sendable, Codable, CaseIterable {
    case report, classification, grounding, conversation, synthesis
}
