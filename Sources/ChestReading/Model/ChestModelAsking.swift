import Findings
import VisionLanguage

extension ChestModel {
    /// Opens a conversation about a study's images; they are read with the first question.
    ///
    /// - Throws: ``ReadingError/unsupported(task:model:)`` for families that were trained for one task only,
    ///   ``ReadingError/noImage``, `ImageError`, `CancellationError`.
    public func converse(
        about images: [ReadingImage], context: ClinicalContext = ClinicalContext()
    ) async throws -> StudyConversation {
        try require(.conversation, "answer questions")
        return try await open(images, context)
    }

    @ModelCompute private func open(
        _ images: [ReadingImage], _ context: ClinicalContext
    ) throws -> StudyConversation {
        let chosen = driver.selection(of: Array(images.prefix(maximumImages)))
        guard let first = chosen.first else { throw ReadingError.noImage }
        let embeddings = try chosen.map { try encode($0) }
        return StudyConversation(
            chest: self, dialogue: dialogue(embeddings, promptContext(context, chosen)),
            view: ModelView(image: first, geometry: embeddings[0].geometry))
    }

    /// A generation as an answer for people.
    ///
    /// - Parameter fallbackLabel: names a box beside which no finding stands.
    /// - Throws: ``ReadingError/deadline``, ``ReadingError/unusableAnswer(_:)`` when it is empty.
    func answer(
        _ generation: Generation, beginning: String = "", to prompt: String, fallbackLabel: String, view: ModelView
    ) throws -> Answer {
        guard generation.ending != .deadline else { throw ReadingError.deadline }
        let raw = beginning + generation.text
        guard !raw.allSatisfy(\.isWhitespace) else { throw ReadingError.unusableAnswer("it is empty") }
        let parsed = ParsedAnswer(
            generation, beginning: beginning, decoded: model.tokenizer.decode(generation.tokens.map(\.id)),
            syntax: driver.prompts.boxes?.syntax, keepsUnfinished: true)
        var dropped = parsed.dropped
        var regions: [LabelledRegion] = []
        let statements = ReadingBuilder.statements(of: parsed.sentences, extractor)
        for (sentence, statements) in zip(parsed.sentences, statements) {
            for placed in sentence.boxes {
                guard let region = view.region(of: placed.box) else {
                    dropped.append(
                        ReadingRecord.Dropped(text: sentence.text, reason: "the box lies outside the image"))
                    continue
                }
                let near = statements.last { $0.span.lowerBound < placed.offset && $0.polarity != .absent }
                let label = near.flatMap { Terminology.standard.finding($0.finding)?.name } ?? fallbackLabel
                regions.append(LabelledRegion(label: label, region: region))
            }
        }
        return Answer(
            text: parsed.text, regions: regions, rawText: raw, prompt: prompt, dropped: dropped,
            ending: generation.ending, promptTokens: generation.promptTokens, reusedTokens: generation.reusedTokens)
    }

    /// What the model holds of each label: the classification head's probabilities, or the names that it lists.
    ///
    /// - Throws: ``ReadingError``, `ImageError`, `GenerationError`, `CancellationError`.
    public func classify(_ image: ReadingImage, deadline: Duration? = nil) async throws -> [LabelledProbability] {
        try require(.classification, "classify")
        return try await label(image, deadline)
    }

    @ModelCompute private func label(_ image: ReadingImage, _ deadline: Duration?) throws -> [LabelledProbability] {
        let started = ContinuousClock.now
        let embedding = try encode(image)
        if !embedding.labels.isEmpty {
            return HeadEvidence(labels: embedding.labels, points: operatingPoints).probabilities
        }
        let context = promptContext(ClinicalContext(projection: image.projection), [image])
        guard let question = context.question(.list, driver.prompts.list) else {
            throw ReadingError.unsupported(task: "classify", model: identity.name)
        }
        let left = deadline.map { $0 - (ContinuousClock.now - started) }
        let prepared = try dialogue([embedding], context).prepare(question.text, options: options(deadline: left))
        let generation = try Dialogue.answer([prepared])[0]
        guard generation.ending != .deadline else { throw ReadingError.deadline }
        let list = FindingList(generation.text, extractor)
        func named(_ label: String, _ concept: FindingConcept?) -> LabelledProbability {
            LabelledProbability(
                label: label, concept: concept, probability: nil, evidence: "text", threshold: nil, isPositive: true)
        }
        return list.findings.map { named($0.name, .term($0.key)) } + list.unknown.map { named($0, nil) }
    }

    /// Draws a radiograph from a description, for instance `PA view, moderate right pleural effusion`.
    ///
    /// - Throws: ``ReadingError``, `GenerationError`, `CancellationError`.
    public func synthesize(_ description: String, seed: UInt64) async throws -> SyntheticPicture {
        try require(.synthesis, "draw images")
        let words = PromptContext.safe(description)
        let context = promptContext(ClinicalContext(), [])
        guard !words.isEmpty,
            let question = context.question(.report, driver.prompts.synthesis, ["description": words])
        else { throw ReadingError.unusableAnswer("there is no description to draw") }
        let model = model
        let unconditional = driver.prompts.unconditionalSynthesis
        let image = try await ModelCompute.run {
            if let unconditional {
                try model.synthesize(question.text, unconditional: unconditional, seed: seed)
            } else {
                try model.synthesize(question.text, seed: seed)
            }
        }
        return SyntheticPicture(
            pixels: image.samples, rows: image.height, columns: image.width, codes: image.codes,
            prompt: question.text, seed: seed)
    }
}
