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
            chest: self, dialogue: dialogue(embeddings, PromptContext(context, images: chosen)),
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

    /// Finds what a finding, a part of the body or a sentence says in an image.
    ///
    /// A name takes the family's prompt for regions, a sentence the one for phrases. The model may answer that there is no
    /// such thing. Where it misspells its boxes, it is asked once more and held to their syntax from there on.
    ///
    /// - Throws: ``ReadingError``, `ImageError`, `GenerationError`, `CancellationError`.
    public func ground(
        _ phrase: String, in image: ReadingImage, deadline: Duration? = nil
    ) async throws -> Answer {
        try require(.grounding, "locate findings")
        return try await locate(PromptContext.safe(phrase), in: image, until: deadline.map { ContinuousClock.now + $0 })
    }

    @ModelCompute private func locate(
        _ phrase: String, in image: ReadingImage, until deadline: ContinuousClock.Instant?
    ) throws -> Answer {
        let context = PromptContext(ClinicalContext(projection: image.projection), images: [image])
        let (label, question) = groundingQuestion(phrase, context)
        guard let question else { throw ReadingError.unusableAnswer("there is nothing to locate") }
        let embedding = try encode(image)
        let view = ModelView(image: image, geometry: embedding.geometry)
        func left() throws -> Duration? {
            guard let deadline else { return nil }
            let left = deadline - ContinuousClock.now
            guard left > .zero else { throw ReadingError.deadline }
            return left
        }
        let dialogue = dialogue([embedding], context)
        let prepared = try dialogue.prepare(question.text, options: options(deadline: left()))
        let free = try Dialogue.answer([prepared])[0]
        let answer = try answer(free, to: prepared.text, fallbackLabel: label, view: view)
        let isMisspelt = answer.dropped.contains { [BoxedText.malformed, BoxedText.unfinished].contains($0.reason) }
        guard answer.regions.isEmpty, isMisspelt, let syntax = driver.prompts.boxes?.syntax,
            let beginning = BoxedText.beginning(before: syntax, in: free.text)
        else { return answer }
        var constrained = options(deadline: try left())
        constrained.constraint = .boxes(syntax, maximum: Self.mostBoxes)
        let second = self.dialogue([embedding], context)
        let again = try second.prepare(question.text, beginning: beginning, options: constrained)
        let boxes = try Dialogue.answer([again])[0]
        var repaired = try self.answer(
            boxes, beginning: beginning, to: again.text, fallbackLabel: label, view: view)
        guard !repaired.regions.isEmpty else { return answer }
        repaired.dropped =
            answer.dropped + [
                ReadingRecord.Dropped(text: free.text, reason: "its boxes were asked for again, held to their syntax")
            ] + repaired.dropped
        return repaired
    }

    /// The most boxes that a model held to their syntax may give.
    private static let mostBoxes = 4

    /// The label of the boxes and the question.
    func groundingQuestion(_ phrase: String, _ context: PromptContext) -> (label: String, question: Question?) {
        let prompts = driver.prompts
        let bare = phrase.hasSuffix(".") ? String(phrase.dropLast()) : phrase
        guard !bare.isEmpty else { return (phrase, nil) }
        let term = Terminology.standard.finding(named: bare)
        let isAnatomy = prompts.anatomy?.contains(bare.lowercased()) == true
        let isName = term != nil || isAnatomy || (bare == phrase && bare.split(separator: " ").count <= 3)
        if isName, prompts.region != nil {
            let name = term.map { prompts.name(of: $0.key) } ?? bare
            return (
                term?.name ?? bare, context.question(.region(of: term?.key ?? bare), prompts.region, ["name": name])
            )
        }
        return (
            bare,
            context.question(.region(of: bare), prompts.phrase ?? prompts.region, ["phrase": phrase, "name": bare])
        )
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
        let context = PromptContext(ClinicalContext(projection: image.projection), images: [image])
        guard let question = context.question(.list, driver.prompts.list) else {
            throw ReadingError.unsupported(task: "classify", model: identity.name)
        }
        let left = deadline.map { $0 - (ContinuousClock.now - started) }
        let prepared = try dialogue([embedding], context).prepare(question.text, options: options(deadline: left))
        let generation = try Dialogue.answer([prepared])[0]
        guard generation.ending != .deadline else { throw ReadingError.deadline }
        let list = FindingList(generation.text)
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
        let context = PromptContext(ClinicalContext(), images: [])
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
