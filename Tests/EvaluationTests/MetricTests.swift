import Findings
import Foundation
import Testing

@testable import Evaluation

/// `metrics.json`: what the public implementations compute (see `make_metrics.py`).
private struct MetricFixture: Decodable {
    struct Corpus: Decodable {
        let references: [String]
        let candidates: [String]
        let bleu: [Double]
        let rougeL: [Double]
        let ciderD: [Double]
    }
    struct Classification: Decodable {
        let scores: [Double]
        let labels: [Int]
        let auroc: Double
        let averagePrecision: Double
        let brier: Double
        let predicted: [Double]
        let observed: [Double]
        let ece: Double
        let rocPoints: Int
    }
    struct Box: Decodable {
        let image: String
        let label: String
        let box: [Double]
        let score: Double?
        var labelled: LabelledBox {
            LabelledBox(
                image: image, label: label, region: Region(x: box[0], y: box[1], width: box[2], height: box[3]),
                score: score)
        }
    }
    struct Detection: Decodable {
        let thresholds: [Double]
        let labels: [String]
        let references: [Box]
        let predictions: [Box]
        let averagePrecision: [[Double]]
    }
    let corpora: [Corpus]
    let classification: [Classification]
    let detection: [Detection]

    static func load() throws -> MetricFixture {
        try JSONDecoder().decode(MetricFixture.self, from: Fixtures.data("metrics.json"))
    }
}

@Suite struct TextMetricTests {
    @Test func bleuEqualsSacrebleu() throws {
        for corpus in try MetricFixture.load().corpora {
            let pairs = Array(zip(corpus.references, corpus.candidates)).map { (reference: $0, candidate: $1) }
            for order in 1...4 {
                let score = BLEU.corpus(pairs, order: order)
                #expect(abs(score - corpus.bleu[order - 1]) < 1e-12, "\(pairs.count) pairs, BLEU-\(order)")
            }
        }
    }

    @Test func rougeEqualsRougeScore() throws {
        for corpus in try MetricFixture.load().corpora {
            for (index, expected) in corpus.rougeL.enumerated() {
                let score = ROUGE.l(reference: corpus.references[index], candidate: corpus.candidates[index])
                #expect(abs(score - expected) < 1e-12, "\(corpus.candidates[index])")
            }
        }
    }

    @Test func ciderEqualsPycocoevalcap() throws {
        for corpus in try MetricFixture.load().corpora {
            let cider = CIDEr(references: corpus.references)
            for (index, expected) in corpus.ciderD.enumerated() {
                let score = cider.score(reference: corpus.references[index], candidate: corpus.candidates[index])
                #expect(abs(score - expected) < 1e-9, "\(corpus.candidates[index])")
            }
        }
    }

    @Test func degenerateTextsHaveDefinedScores() {
        #expect(BLEU.corpus([(reference: "no effusion", candidate: "")], order: 4) == 0)
        #expect(BLEU.corpus([(reference: "", candidate: "no effusion")], order: 4) == 0)
        #expect(BLEU.corpus([], order: 1) == 0)
        #expect(ROUGE.l(reference: "", candidate: "") == 0)
        #expect(ROUGE.l(reference: "No effusion.", candidate: "No effusion.") == 1)
        let same = "No focal consolidation is seen today."
        #expect(abs(BLEU.corpus([(reference: same, candidate: same)], order: 4) - 1) < 1e-12)
    }

    @Test func hedgesAreCounted() throws {
        let counter = HedgeCounter(extractor: try FindingExtractor())
        #expect(counter.count(in: "Opacity may represent pneumonia. Likely atelectasis. Mass cannot be excluded.") == 3)
        #expect(counter.count(in: "INDICATION: possible pneumonia.\n\nFINDINGS: No effusion.") == 0)
    }
}

@Suite struct ClassificationTests {
    @Test func scoresEqualScikitLearn() throws {
        for fixture in try MetricFixture.load().classification {
            let scored = ScoredLabels(scores: fixture.scores, labels: fixture.labels.map { $0 == 1 })
            #expect(abs(try #require(scored.auroc()) - fixture.auroc) < 1e-12)
            #expect(abs(try #require(scored.averagePrecision()) - fixture.averagePrecision) < 1e-12)
            #expect(abs(scored.brierScore() - fixture.brier) < 1e-12)
            #expect(abs(scored.expectedCalibrationError() - fixture.ece) < 1e-12)
            let bins = scored.reliability()
            #expect(bins.count == fixture.predicted.count)
            for (bin, (predicted, observed)) in zip(bins, zip(fixture.predicted, fixture.observed)) {
                #expect(abs(bin.predicted - predicted) < 1e-12)
                #expect(abs(bin.observed - observed) < 1e-12)
            }
            #expect(scored.rocCurve().count == fixture.rocPoints)
        }
    }

    @Test func weightsEqualRepetition() throws {
        let fixture = try MetricFixture.load().classification[0]
        var generator = RandomSource(seed: 5)
        let weights = fixture.scores.map { _ in generator.next(below: 4) }
        let repeated = zip(zip(fixture.scores, fixture.labels), weights).flatMap { Array(repeating: $0, count: $1) }
        let one = ScoredLabels(scores: fixture.scores, labels: fixture.labels.map { $0 == 1 })
        let other = ScoredLabels(scores: repeated.map(\.0), labels: repeated.map { $0.1 == 1 })
        #expect(abs(try #require(one.auroc(weights: weights)) - (try #require(other.auroc()))) < 1e-12)
        #expect(
            abs(try #require(one.averagePrecision(weights: weights)) - (try #require(other.averagePrecision()))) < 1e-12
        )
        #expect(abs(one.brierScore(weights: weights) - other.brierScore()) < 1e-12)
        #expect(
            abs(one.expectedCalibrationError(weights: weights) - other.expectedCalibrationError()) < 1e-12)
    }

    @Test func oneClassAloneHasNoCurve() {
        let negatives = ScoredLabels(scores: [0.1, 0.9], labels: [false, false])
        #expect(negatives.auroc() == nil)
        #expect(negatives.averagePrecision() == nil)
        #expect(negatives.rocCurve().isEmpty)
        #expect(ScoredLabels(scores: [], labels: []).expectedCalibrationError() == 0)
    }
}

@Suite struct GroundingTests {
    @Test func averagePrecisionEqualsCOCO() throws {
        for fixture in try MetricFixture.load().detection {
            let scorer = GroundingScorer(
                references: fixture.references.map(\.labelled), predictions: fixture.predictions.map(\.labelled))
            for (row, threshold) in fixture.thresholds.enumerated() {
                for (column, label) in fixture.labels.enumerated() {
                    let value = scorer.averagePrecision(label: label, threshold: threshold)
                    #expect(
                        abs((value ?? -1) - fixture.averagePrecision[row][column]) < 1e-9, "\(label) at \(threshold)")
                }
            }
        }
    }

    @Test func perfectBoxesScoreOneWithAndWithoutConfidences() {
        let boxes = [
            LabelledBox(image: "a", label: "Mass", region: Region(x: 0, y: 0, width: 10, height: 10)),
            LabelledBox(image: "b", label: "Mass", region: Region(x: 5, y: 5, width: 10, height: 10)),
        ]
        let plain = GroundingScorer(references: boxes, predictions: boxes)
        #expect(!plain.hasScores)
        #expect(plain.meanAveragePrecision(threshold: 0.5) == 1)
        #expect(plain.meanOverlap() == 1)
        #expect(plain.pointingAccuracy() == 1)
        let sure = boxes.map { LabelledBox(image: $0.image, label: $0.label, region: $0.region, score: 0.5) }
        #expect(GroundingScorer(references: boxes, predictions: sure).meanAveragePrecision(threshold: 0.5) == 1)
        let nothing = GroundingScorer(references: boxes, predictions: [])
        #expect(nothing.meanAveragePrecision(threshold: 0.5) == 0)
        #expect(nothing.meanOverlap() == 0)
        #expect(GroundingScorer(references: [], predictions: sure).meanAveragePrecision(threshold: 0.5) == nil)
    }

    @Test func thePointIsTheSurestBoxesMiddle() {
        let reference = LabelledBox(image: "a", label: "Mass", region: Region(x: 0, y: 0, width: 10, height: 10))
        let hit = LabelledBox(image: "a", label: "Mass", region: Region(x: 0, y: 0, width: 4, height: 4), score: 0.9)
        let miss = LabelledBox(image: "a", label: "Mass", region: Region(x: 50, y: 50, width: 4, height: 4), score: 0.1)
        #expect(GroundingScorer(references: [reference], predictions: [miss, hit]).pointingAccuracy() == 1)
        let scorer = GroundingScorer(references: [reference], predictions: [miss, hit])
        #expect(abs(scorer.meanOverlap()! - 16.0 / 116.0) < 1e-12)
    }

    @Test func coveredAreaCountsOverlapsOnce() {
        let seed: UInt64 = 9
        print("seed \(seed)")
        var generator = RandomSource(seed: seed)
        for _ in 0..<50 {
            let boxes = (0..<generator.next(below: 6)).map { _ in
                Region(
                    x: Double(generator.next(below: 20)), y: Double(generator.next(below: 20)),
                    width: Double(1 + generator.next(below: 12)), height: Double(1 + generator.next(below: 12)))
            }
            var pixels = 0
            for x in 0..<32 {
                for y in 0..<32 where boxes.contains(where: { $0.contains(x: Double(x) + 0.5, y: Double(y) + 0.5) }) {
                    pixels += 1
                }
            }
            #expect(coveredArea(boxes) == Double(pixels))
        }
    }
}

@Suite struct BootstrapTests {
    @Test func theSameSeedGivesTheSameInterval() throws {
        let fixture = try MetricFixture.load().classification[1]
        let scored = ScoredLabels(scores: fixture.scores, labels: fixture.labels.map { $0 == 1 })
        func estimate(_ seed: UInt64) -> Estimate? {
            Bootstrap(rows: scored.count, replicates: 200, seed: seed).estimate { scored.auroc(weights: $0) }
        }
        let one = try #require(estimate(1))
        #expect(one == estimate(1))
        #expect(one != estimate(2))
        #expect(try #require(one.lower) < one.value)
        #expect(try #require(one.upper) > one.value)
    }

    /// The interval of a mean is known: 1.96 standard errors.
    @Test func theIntervalOfAMeanIsRight() throws {
        var generator = RandomSource(seed: 3)
        let values = (0..<400).map { _ in Double(generator.next(below: 1000)) / 1000 }
        let mean = values.reduce(0, +) / 400
        let deviation = (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 399).squareRoot()
        let estimate = try #require(
            Bootstrap(rows: 400, replicates: 4000).estimate { weights in
                var sum = 0.0
                for (index, value) in values.enumerated() { sum += value * Double(weights?[index] ?? 1) }
                return sum / 400
            })
        let expected = 1.96 * deviation / 20
        #expect(abs(try #require(estimate.upper) - mean - expected) < 0.1 * expected)
        #expect(abs(mean - (try #require(estimate.lower)) - expected) < 0.1 * expected)
    }

    @Test func rowsOfOnePatientAreDrawnTogether() throws {
        let values = [0.0, 0, 0, 0, 1, 1, 1, 1]
        let patients = ["a", "a", "a", "a", "b", "b", "b", "b"]
        let bootstrap = Bootstrap(rows: 8, clusters: patients, replicates: 500)
        #expect(bootstrap.clusters == 2)
        var seen: Set<[Int]> = []
        _ = bootstrap.estimate { weights in
            seen.insert(weights ?? [])
            return values[0]
        }
        #expect(
            seen.subtracting([[]]) == [[2, 2, 2, 2, 0, 0, 0, 0], [1, 1, 1, 1, 1, 1, 1, 1], [0, 0, 0, 0, 2, 2, 2, 2]])
    }

    @Test func oneClusterHasNoInterval() throws {
        let estimate = try #require(Bootstrap(rows: 3, clusters: ["a", "a", "a"]).estimate { _ in 0.5 })
        #expect(estimate.lower == nil)
        #expect(estimate.value == 0.5)
    }
}

@Suite struct LabelTests {
    @Test func findingsFoldIntoTheirNearestLabel() {
        #expect(LabelSet.cheXpert14.label(of: "nodule") == "Lung Lesion")
        #expect(LabelSet.cheXpert14.label(of: "infiltration") == "Lung Opacity")
        #expect(LabelSet.cheXpert14.label(of: "rib_fracture") == "Fracture")
        #expect(LabelSet.cheXpert14.label(of: "chest_tube") == "Support Devices")
        #expect(LabelSet.cheXpert14.label(of: "hiatal_hernia") == nil)
        #expect(LabelSet.nih14.label(of: "hiatal_hernia") == "Hernia")
        #expect(LabelSet.nih14.label(of: "lung_nodule") == "Nodule")
        #expect(LabelSet.nih14.labels.count == 14)
        #expect(LabelSet.cheXpert14.labels.count == 14)
    }

    @Test func uncertaintyFollowsThePolicy() throws {
        let extractor = try FindingExtractor()
        let labeler = Labeler(.cheXpert14)
        let reference = labeler.labels(of: extractor.statements(in: "Left effusion. Possible pneumonia."))
        let candidate = labeler.labels(of: extractor.statements(in: "Left effusion. No pneumonia."))
        func agreement(_ policy: UncertainPolicy) -> LabelAgreement {
            LabelOutcomes(
                [(reference: reference, candidate: candidate)], labels: labeler.set.labels, uncertain: policy
            ).agreement()
        }
        #expect(agreement(.positive).microF1 == 2.0 / 3.0)
        #expect(agreement(.positive).macroF1 == 0.5)
        #expect(agreement(.negative).microF1 == 1)
        #expect(agreement(.ignore).microF1 == 1)
    }

    @Test func normalIsALabelOfItsOwn() throws {
        let extractor = try FindingExtractor()
        let labeler = Labeler(.cheXpert14)
        #expect(labeler.labels(of: extractor.statements(in: "No effusion. Right PICC."))["No Finding"] == .present)
        #expect(labeler.labels(of: extractor.statements(in: "Possible effusion."))["No Finding"] == .absent)
    }
}
