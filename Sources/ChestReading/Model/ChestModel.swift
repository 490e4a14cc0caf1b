import Evaluation
import Findings
import Foundation
import VisionLanguage

/// A loaded checkpoint with its family's driver: reads studies, answers questions, finds and draws.
///
/// Immutable; any number of tasks may use it. What computes waits its turn on `ModelCompute`.
public final class ChestModel: StudyReader {
    /// Which model speaks. The weights' digest is the one that `cxrgate model verify --write` prints.
    public let identity: ModelIdentity
    /// What it can be asked for.
    public let capabilities: Set<ReadingTask>
    /// What it is to be tested with; nil where its directory names nothing.
    public let selfTest: ModelSelfTest?
    /// Stands in every reading.
    public let disclaimer: String
    /// `model_type` of the checkpoint.
    public var family: String { model.family }

    let model: VisionLanguageModel
    let driver: any FamilyDriver
    let extractor: FindingExtractor
    let operatingPoints: OperatingPoints
    let settings: ChestModelOptions

    private init(
        model: VisionLanguageModel, driver: any FamilyDriver, identity: ModelIdentity,
        selfTest: ModelSelfTest?, extractor: FindingExtractor, operatingPoints: OperatingPoints,
        settings: ChestModelOptions
    ) {
        self.model = model
        self.driver = driver
        self.identity = identity
        self.selfTest = selfTest
        self.extractor = extractor
        self.operatingPoints = operatingPoints
        self.settings = settings
        capabilities = Self.capabilities(of: model, driver)
        disclaimer =
            model.family == ReferenceDriver.family
            ? "Reference model, not for diagnosis. " + Reading.standardDisclaimer : Reading.standardDisclaimer
    }

    /// Loads a model directory.
    ///
    /// - Parameter verifyingDigests: Compares every file with `SHA256SUMS`, where the directory has one. The digest in
    ///   ``identity`` is computed from the files in any case.
    /// - Throws: `CheckpointError` that names the file at fault, ``PromptFault``, `LexiconFault`.
    public static func load(
        directory: URL, options: ChestModelOptions = ChestModelOptions(), verifyingDigests: Bool = true
    ) async throws -> ChestModel {
        // Hashing and converting block for seconds: neither Swift's threads nor the queue of a model in use may wait.
        try await withCheckedThrowingContinuation { continuation in
            DispatchQueue.global(qos: .userInitiated).async {
                continuation.resume(
                    with: Result { try loadNow(directory, options, verifyingDigests: verifyingDigests) })
            }
        }
    }

    private static func loadNow(
        _ directory: URL, _ settings: ChestModelOptions, verifyingDigests: Bool
    ) throws -> ChestModel {
        let files = try ModelFiles(directory, verifying: verifyingDigests)
        let model = try VisionLanguageModel.load(directory: directory, options: settings.loading)
        guard let type = DriverRegistry.driver(of: model.family) else {
            throw CheckpointError.unknownArchitecture(
                name: model.family, known: DriverRegistry.drivers.map { $0.family }.sorted())
        }
        let prompts = try PromptSet.load(family: model.family, override: settings.promptDirectory)
        return ChestModel(
            model: model, driver: type.init(prompts: prompts), identity: files.identity(family: model.family),
            selfTest: files.selfTest, extractor: try FindingExtractor(),
            operatingPoints: try OperatingPoints.load(directory: directory), settings: settings)
    }

    private static func capabilities(of model: VisionLanguageModel, _ driver: any FamilyDriver) -> Set<ReadingTask> {
        let prompts = driver.prompts
        var tasks: Set<ReadingTask> = [.report]
        if type(of: driver).hasClassificationHead || prompts.list != nil { tasks.insert(.classification) }
        if prompts.boxes != nil, prompts.region != nil || prompts.phrase != nil { tasks.insert(.grounding) }
        if prompts.converses == true { tasks.insert(.conversation) }
        if model.draws, prompts.synthesis != nil { tasks.insert(.synthesis) }
        return tasks
    }

    /// The most images of one study that the model looks at.
    public var maximumImages: Int { min(driver.maximumImages, model.maximumImages) }

    /// - Throws: ``ReadingError/unsupported(task:model:)``.
    func require(_ task: ReadingTask, _ words: String) throws {
        guard capabilities.contains(task) else {
            throw ReadingError.unsupported(task: words, model: identity.name)
        }
    }

    /// Greedy decoding: the same study gives the same reading.
    func options(deadline: Duration?) -> GenerationOptions {
        GenerationOptions(
            maximumTokens: settings.maximumTokens ?? model.recommended.maximumTokens ?? 512, deadline: deadline,
            repetitionPenalty: model.recommended.repetitionPenalty ?? 1)
    }

    /// The settings as records keep them, by name: the same model with the same settings answers the same.
    public var decoding: [String: String] {
        let options = options(deadline: nil)
        var decoding = [
            "sampling": "greedy", "maximumTokens": "\(options.maximumTokens)",
            "repetitionPenalty": "\(options.repetitionPenalty)",
            "languageActivation": settings.loading.languageActivation.rawValue,
            "visionActivation": settings.loading.visionActivation.rawValue,
            "languageFormat": settings.loading.languageFormat?.rawValue ?? "as stored",
            "visionFormat": settings.loading.visionFormat?.rawValue ?? "as stored",
            "cacheFormat": settings.loading.cacheFormat.rawValue,
        ]
        if let rule = options.repetitionGuard {
            decoding["repetitionGuard"] =
                "\(rule.repetitions) times, \(rule.longestPassage) tokens at most, \(rule.leastTokens) in all"
        }
        if let tiles = settings.maximumTiles { decoding["maximumTiles"] = "\(tiles)" }
        return decoding
    }

    @ModelCompute func encode(_ image: ReadingImage) throws -> ImageEmbedding {
        try Task.checkCancellation()
        let radiograph = image.radiograph
        return try model.encode(
            ImageBuffer(width: radiograph.columns, height: radiograph.rows, grayscale: radiograph.pixels),
            options: ImageOptions(maximumTiles: settings.maximumTiles))
    }

    func systemText(_ context: PromptContext) -> String? {
        PromptTemplate.first(of: driver.prompts.system, context.values, images: context.images)
    }

    func promptContext(_ context: ClinicalContext, _ images: [ReadingImage]) -> PromptContext {
        PromptContext(context, images: images, extractor: extractor)
    }

    @ModelCompute func dialogue(_ images: [ImageEmbedding], _ context: PromptContext) -> Dialogue {
        Dialogue(model: model, images: images, system: systemText(context), stops: driver.prompts.stops ?? [])
    }
}
