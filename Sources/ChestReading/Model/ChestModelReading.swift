import Findings
import VisionLanguage

extension ChestModel {
    /// Reads studies, up to `maximumBatch` of them in one pass over the weights.
    ///
    /// Each fails alone: with ``ReadingError``, ``UnusableReading`` for an answer of which no reading can be made,
    /// `GenerationError`, `ImageError`, or `CancellationError` for all when the
    /// task is cancelled.
    public func read(_ requests: [ReadingRequest]) async -> [Result<StudyReading, any Error>] {
        let started = ContinuousClock.now
        var results: [Result<StudyReading, any Error>] = []
        for start in stride(from: 0, to: requests.count, by: max(settings.maximumBatch, 1)) {
            let batch = requests[start..<min(start + max(settings.maximumBatch, 1), requests.count)]
            results += await readTogether(Array(batch), started: started)
        }
        return results
    }

    @ModelCompute private func readTogether(
        _ requests: [ReadingRequest], started: ContinuousClock.Instant
    ) -> [Result<StudyReading, any Error>] {
        var studies = requests.map { StudyInProgress($0, chest: self, started: started) }
        while true {
            var asked: [(index: Int, question: Question, prepared: Dialogue.Prepared)] = []
            for index in studies.indices {
                if let (question, prepared) = studies[index].nextQuestion() {
                    asked.append((index, question, prepared))
                }
            }
            guard !asked.isEmpty else { break }
            do {
                for (entry, generation) in zip(asked, try Dialogue.answer(asked.map(\.prepared))) {
                    studies[entry.index].take(generation, for: entry.question, prompt: entry.prepared.text)
                }
            } catch {
                for entry in asked { studies[entry.index].fail(error) }
            }
        }
        return studies.indices.map { studies[$0].result() }
    }
}

/// One study of a batch while it is being read.
@ModelCompute
private struct StudyInProgress {
    private let request: ReadingRequest
    private let chest: ChestModel
    private let deadline: ContinuousClock.Instant?
    private let begun: ContinuousClock.Instant
    private let images: [ReadingImage]
    private let context: PromptContext
    private var dialogue: Dialogue?
    private var exchanges: [Exchange] = []
    private var unasked: [ReadingRecord.Dropped] = []
    private var failure: (any Error)?

    init(_ request: ReadingRequest, chest: ChestModel, started: ContinuousClock.Instant) {
        self.request = request
        self.chest = chest
        deadline = request.deadline.map { started + $0 }
        begun = ContinuousClock.now
        images = chest.driver.selection(of: Array(request.images.prefix(chest.maximumImages)))
        context = PromptContext(request.context, images: images, extractor: chest.extractor)
    }

    mutating func fail(_ error: any Error) {
        failure = failure ?? error
    }

    /// The next question, its prompt written; nil when the study is read or has failed.
    mutating func nextQuestion() -> (Question, Dialogue.Prepared)? {
        guard failure == nil else { return nil }
        do {
            let dialogue = try openDialogue()
            guard let question = chest.driver.question(after: exchanges, context: context) else {
                if exchanges.isEmpty { throw ReadingError.unsupported(task: "report", model: chest.identity.name) }
                return nil
            }
            let left = try remaining()
            return (question, try dialogue.prepare(question.text, options: chest.options(deadline: left)))
        } catch GenerationError.promptTooLong(let tokens, let allowed) where !exchanges.isEmpty {
            // What was answered stands; only further questions do not fit.
            let reason = "the conversation outgrew the model: \(tokens) tokens, \(allowed) allowed"
            unasked = [ReadingRecord.Dropped(text: "", reason: reason)]
            return nil
        } catch {
            fail(error)
            return nil
        }
    }

    private mutating func openDialogue() throws -> Dialogue {
        if let dialogue { return dialogue }
        guard !images.isEmpty else { throw ReadingError.noImage }
        var embeddings: [ImageEmbedding] = []
        for image in images {
            _ = try remaining()
            embeddings.append(try chest.encode(image))
        }
        let dialogue = chest.dialogue(embeddings, context)
        self.dialogue = dialogue
        return dialogue
    }

    /// - Throws: ``ReadingError/deadline``.
    private func remaining() throws -> Duration? {
        guard let deadline else { return nil }
        let left = deadline - ContinuousClock.now
        guard left > .zero else { throw ReadingError.deadline }
        return left
    }

    mutating func take(_ generation: Generation, for question: Question, prompt: String) {
        if generation.ending == .deadline {
            fail(ReadingError.deadline)
        } else if generation.text.allSatisfy(\.isWhitespace), question.purpose == .report {
            fail(ReadingError.unusableAnswer("it is empty"))
        } else {
            exchanges.append(Exchange(question: question, prompt: prompt, generation: generation))
        }
    }

    func result() -> Result<StudyReading, any Error> {
        Result {
            do {
                return try reading()
            } catch ReadingError.unusableAnswer(let reason) {
                throw UnusableReading(reason: reason, record: record(dropped: []))
            }
        }
    }

    private func record(dropped: [ReadingRecord.Dropped]) -> ReadingRecord {
        ReadingRecord(
            decoding: chest.decoding,
            turns: exchanges.map { ReadingRecord.Turn(prompt: $0.prompt, answer: $0.generation.text) },
            dropped: dropped, duration: ContinuousClock.now - begun)
    }

    private func reading() throws -> StudyReading {
        if let failure { throw failure }
        guard let embedding = dialogue?.images.first, let image = images.first else { throw ReadingError.noImage }
        let model = chest.model
        var builder = ReadingBuilder(
            extractor: chest.extractor, syntax: chest.driver.prompts.boxes?.syntax,
            view: ModelView(image: image, geometry: embedding.geometry), isEnglish: chest.driver.prompts.isEnglish,
            decoded: { model.tokenizer.decode($0.tokens.map(\.id)) })
        let head = HeadEvidence(labels: embedding.labels, points: chest.operatingPoints)
        let (sentences, findings, dropped) = try builder.build(exchanges, head: head)
        let reading = Reading(
            studyInstanceUID: request.studyInstanceUID, images: images.map(\.source), sentences: sentences,
            findings: findings, model: chest.identity, language: chest.driver.prompts.language ?? "en",
            disclaimer: chest.disclaimer)
        let faults = reading.validate(against: .standard)
        guard faults.isEmpty else {
            throw ReadingError.unusableAnswer(faults.map(\.description).joined(separator: " "))
        }
        return StudyReading(reading: reading, record: record(dropped: dropped + unasked))
    }
}
