import Findings
import VisionLanguage

extension ChestModel {
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
        let context = promptContext(ClinicalContext(projection: image.projection), [image])
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
        var repaired = try boxes(
            question, beginning: beginning, label: label, about: embedding, view, context, deadline: left())
        guard !repaired.regions.isEmpty else { return answer }
        repaired.dropped =
            answer.dropped + [
                ReadingRecord.Dropped(text: free.text, reason: "its boxes were asked for again, held to their syntax")
            ] + repaired.dropped
        return repaired
    }

    /// Asks with the answer's beginning given and nothing but boxes allowed after it.
    @ModelCompute func boxes(
        _ question: Question, beginning: String, label: String, about embedding: ImageEmbedding, _ view: ModelView,
        _ context: PromptContext, deadline: Duration?
    ) throws -> Answer {
        guard let syntax = driver.prompts.boxes?.syntax else {
            throw ReadingError.unsupported(task: "write boxes", model: identity.name)
        }
        var options = options(deadline: deadline)
        options.constraint = .boxes(syntax, maximum: Self.mostBoxes)
        let prepared = try dialogue([embedding], context).prepare(
            question.text, beginning: beginning, options: options)
        let generation = try Dialogue.answer([prepared])[0]
        return try answer(generation, beginning: beginning, to: prepared.text, fallbackLabel: label, view: view)
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
            context.question(
                .region(of: bare), prompts.phrase ?? prompts.region,
                ["phrase": phrase, "sentence": bare + ".", "name": bare])
        )
    }
}
