import DICOM
import Evaluation
import Findings
import Foundation
import TestSupport
import Testing

private typealias Tag = DICOM.Tag

@Suite struct InputTests {
    let scratch: ScratchDirectory

    init() throws {
        scratch = try ScratchDirectory()
    }

    private func write(_ name: String, _ text: String) throws -> URL { try write(name, Data(text.utf8)) }

    private func write(_ name: String, _ data: Data) throws -> URL {
        let url = scratch.url.appendingPathComponent(name)
        try data.write(to: url)
        return url
    }

    @Test func csvWithQuotesAndLineBreaksIsRead() throws {
        let file = try write(
            "pairs.csv",
            "\u{FEFF}id,patient,reference,candidate\r\n1,p1,\"No \"\"focal\"\" consolidation,\nno effusion.\",Clear.\r\n"
                + "2,p1,a,b\r\n")
        let input = try ReportPairs(file)
        #expect(input.faults.isEmpty)
        #expect(input.pairs.map(\.id) == ["1", "2"])
        #expect(input.pairs[0].reference == "No \"focal\" consolidation,\nno effusion.")
        #expect(input.pairs[1].patient == "p1")
    }

    @Test func everyBadRowIsNamedAndTheRunGoesOn() throws {
        var data = Data(#"{"id": "good", "reference": "Left effusion.", "candidate": "Effusion."}"#.utf8)
        data += Data("\n{broken\n[1]\n".utf8)
        data +=
            Data(#"{"id": "bytes", "reference": ""#.utf8) + Data([0xFF, 0xFE])
            + Data("\", \"candidate\": \"x\"}\n".utf8)
        data += Data("{\"id\": \"half\", \"reference\": \"x\"}\n".utf8)
        data += Data("{\"id\": \"good\", \"reference\": \"x\", \"candidate\": \"y\"}\n".utf8)
        let long = String(repeating: "No effusion. ", count: 800_000)
        data += Data("{\"id\": \"long\", \"reference\": \"\(long)\", \"candidate\": \"y\"}\n".utf8)
        data += Data(#"{"id": 7, "reference": "No effusion.", "candidate": "Effusion."}"#.utf8)
        let input = try ReportPairs(try write("pairs.jsonl", data))
        #expect(input.pairs.map(\.id) == ["good", "7"])
        #expect(
            input.faults.map(\.kind).sorted { $0.rawValue < $1.rawValue } == [
                .duplicateID, .malformedJSON, .malformedJSON, .missingColumn, .notUTF8, .tooLong,
            ])
        #expect(input.faults.allSatisfy { $0.row != nil && $0.file == "pairs.jsonl" })
        let evaluation = try ReportEvaluation.evaluate(
            input, extractor: FindingExtractor(), options: EvaluationOptions(replicates: 20))
        #expect(evaluation.pairs == 2)
        #expect(evaluation.faults.count == 6)
        #expect(evaluation.html().contains("too_long"))
    }

    @Test func csvFaultsAreNamed() throws {
        let file = try write("pairs.csv", "id,reference,candidate\n1,a\n2,b,c\n3,\"never closed,d\n4,e,f\n")
        let input = try ReportPairs(file)
        #expect(input.pairs.map(\.id) == ["2"])
        #expect(input.faults.map(\.kind) == [.malformedCSV, .malformedCSV])
        #expect(input.faults.map(\.row) == [2, 4])
    }

    @Test func idsThatDoNotMatchAreNamed() throws {
        let reference = try write("signed.csv", "id,text\na,One.\nb,Two.\nc,Three.\n")
        let candidate = try write("drafts.jsonl", #"{"id":"b","report":"Two."}"# + "\n" + #"{"id":"z","report":"Z."}"#)
        let input = try ReportPairs(reference: reference, candidate: candidate)
        #expect(input.pairs.map(\.id) == ["b"])
        #expect(input.faults.map(\.kind) == [.onlyInReference, .onlyInReference, .onlyInCandidate])
    }

    @Test(arguments: ["pairs.txt", "pairs"]) func anUnknownFormatIsRefused(_ name: String) throws {
        let file = try write(name, "x")
        #expect(throws: InputError.unknownFormat(name)) { try ReportPairs(file) }
    }

    @Test func missingFilesAndColumnsAreNamed() throws {
        #expect(throws: InputError.self) { try ReportPairs(scratch.url.appendingPathComponent("none.csv")) }
        let empty = try write("empty.csv", "")
        #expect(throws: InputError.noRows("empty.csv")) { try ReportPairs(empty) }
        let other = try write("other.csv", "id,text\n1,x\n")
        #expect(throws: InputError.noColumn("other.csv", wanted: "reference", found: ["id", "text"])) {
            try ReportPairs(other)
        }
    }

    @Test func scoresInLongAndWideFormAgree() throws {
        let long = try ScoreTable(
            try write(
                "long.csv",
                "id,label,score,truth\n1,Mass,0.9,1\n2,Mass,0.2,0\n3,Mass,x,0\n4,Mass,0.4,\n5,Mass,0.3,2\n1,Edema,0.1,0\n"
            ))
        #expect(long.labels.map(\.label) == ["Mass", "Edema"])
        #expect(long.labels[0].scores == [0.9, 0.2])
        #expect(long.uncertain == 1)
        #expect(long.faults.map(\.kind) == [.notANumber, .notANumber])
        let wide = try ScoreTable(
            reference: try write("truth.csv", "filename,Mass,Edema,age\n1,1,0,50\n2,0,-1,60\n9,0,0,1\n"),
            scores: try write("scores.csv", "filename,Mass,Edema\n2,0.2,0.3\n1,0.9,0.1\n8,1,1\n"))
        #expect(wide.labels.map(\.label) == ["Mass", "Edema"])
        #expect(wide.labels[0].scores == [0.9, 0.2])
        #expect(wide.labels[1].scores == [0.1])
        #expect(wide.faults.map(\.kind) == [.onlyInReference, .onlyInCandidate])
        let evaluation = ClassificationEvaluation.evaluate(wide, options: EvaluationOptions(replicates: 10))
        #expect(evaluation.rows[0].auroc?.value == 1)
        #expect(evaluation.rows[1].auroc == nil)
        #expect(evaluation.rows.map(\.positives) == [1, 0])
        #expect(evaluation.html().contains("<svg"))
    }

    @Test func boxesInBothFormsAreRead() throws {
        let reference = try BoxTable(
            try write("a.csv", "filename,finding,x,y,w,h\n1,Effusion,0,0,10,10\n2,Mass,1,1,0,4\n"))
        let predictions = try BoxTable(
            try write("b.jsonl", #"{"image":"1","label":"Pleural Effusion","x0":0,"y0":0,"x1":10,"y1":10,"score":0.7}"#)
        )
        #expect(reference.faults.map(\.kind) == [.emptyBox])
        #expect(reference.boxes[0].label == predictions.boxes[0].label)
        let evaluation = GroundingEvaluation.evaluate(
            references: reference, predictions: predictions, options: EvaluationOptions(replicates: 0))
        #expect(evaluation.rows[0].meanOverlap?.value == 1)
        #expect(evaluation.hasScores)
        #expect(evaluation.html().contains("Pleural effusion"))
    }

    // MARK: - DICOM SR

    private func code(_ item: Dataset, _ tag: Tag, _ value: String, _ scheme: String, _ meaning: String) throws {
        let code = try item.appendItem(tag)
        try code.set(.codeValue, value)
        try code.set(.codingSchemeDesignator, scheme)
        try code.set(.codeMeaning, meaning)
    }

    private static let concept = Tag(0x0040, 0xA043)
    private static let content = Tag(0x0040, 0xA730)

    private func add(_ type: String, _ value: String, _ meaning: String, to parent: Dataset) throws -> Dataset {
        let item = try parent.appendItem(Self.content)
        try item.set(Tag(0x0040, 0xA010), "CONTAINS")
        try item.set(Tag(0x0040, 0xA040), type)
        try code(item, Self.concept, value, value.contains("-") ? "LN" : "DCM", meaning)
        return item
    }

    private func document(_ sopClass: String, study: String, number: Int) throws -> DICOMFile {
        let file = DICOMFile()
        let dataset = file.dataset
        try dataset.set(.specificCharacterSet, "ISO_IR 192")
        try dataset.set(.sopClassUID, sopClass)
        try dataset.set(.sopInstanceUID, "\(study).\(number)")
        try dataset.set(Tag(0x0020, 0x000D), study)
        try dataset.set(Tag(0x0010, 0x0020), "P7")
        try dataset.set(Tag(0x0020, 0x0013), number)
        return file
    }

    private func narrative(_ name: String, study: String, number: Int, finding: String) throws -> URL {
        let file = try document("1.2.840.10008.5.1.4.1.1.88.11", study: study, number: number)
        let summary = try add("CONTAINER", "55112-7", "Summary", to: file.dataset)
        try add("TEXT", "121077", "Conclusion", to: summary).set(
            Tag(0x0040, 0xA160), "Draft. Possible mass in the text.")
        let history = try add("CONTAINER", "121060", "History", to: file.dataset)
        try add("TEXT", "121060", "History", to: history).set(Tag(0x0040, 0xA160), "Pneumothorax last year.")
        let findings = try add("CONTAINER", "59776-5", "Findings", to: file.dataset)
        try add("TEXT", "121071", "Finding", to: findings).set(Tag(0x0040, 0xA160), finding)
        let url = scratch.url.appendingPathComponent(name)
        try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try file.write(to: url)
        return url
    }

    @Test func reportsOfTwoDirectoriesAreMatchedByStudy() throws {
        _ = try narrative("signed/1.dcm", study: "1.2.3", number: 1, finding: "Œdème… no: moderate left effusion.")
        _ = try narrative("drafts/a/1.dcm", study: "1.2.3", number: 1, finding: "No effusion.")
        _ = try narrative("drafts/a/2.dcm", study: "1.2.3", number: 2, finding: "Small left effusion.")
        _ = try narrative("drafts/b.dcm", study: "1.2.9", number: 1, finding: "Clear.")
        try Data("no DICOM".utf8).write(to: scratch.url.appendingPathComponent("drafts/readme.txt"))
        let input = try ReportPairs(
            reference: scratch.url.appendingPathComponent("signed"),
            candidate: scratch.url.appendingPathComponent("drafts"))
        #expect(input.pairs.count == 1)
        let pair = try #require(input.pairs.first)
        #expect(pair.id == "1.2.3")
        #expect(pair.patient == "P7")
        #expect(pair.reference.contains("Œdème…"))
        // The revision counts, the disclaimer and the history do not.
        let extractor = try FindingExtractor()
        #expect(extractor.statements(in: pair.candidate).map(\.notation) == ["pleural_effusion present left mild"])
        #expect(input.faults.count == 2)
        #expect(input.faults.contains { $0.kind == .onlyInCandidate })
    }

    @Test func boxesOfAFindingsDocumentAreRead() throws {
        let file = try document("1.2.840.10008.5.1.4.1.1.88.33", study: "1.2.3", number: 1)
        let measurements = try add("CONTAINER", "126010", "Imaging Measurements", to: file.dataset)
        let group = try add("CONTAINER", "125007", "Measurement Group", to: measurements)
        let finding = try add("CODE", "121071", "Finding", to: group)
        try code(finding, Tag(0x0040, 0xA168), "60046008", "SCT", "Pleural effusion")
        let region = try add("SCOORD", "111030", "Image Region", to: group)
        let points: [Float32] = [10, 20, 110, 20, 110, 220, 10, 220, 10, 20]
        try region.set(Tag(0x0070, 0x0022), bytes: points.flatMap { withUnsafeBytes(of: $0) { Array($0) } })
        let image = try add("IMAGE", "111040", "Original Source", to: region)
        let reference = try image.appendItem(Tag(0x0008, 0x1199))
        try reference.set(.referencedSOPInstanceUID, "1.2.3.4")
        let number = try add("NUM", "122157", "Probability", to: group)
        try number.appendItem(Tag(0x0040, 0xA300)).set(Tag(0x0040, 0xA30A), "91")
        let directory = scratch.url.appendingPathComponent("sr")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        try file.write(to: directory.appendingPathComponent("b.dcm"))
        #expect(
            try BoxTable(directory).boxes == [
                LabelledBox(
                    image: "1.2.3.4", label: "Pleural effusion", region: Region(x0: 10, y0: 20, x1: 110, y1: 220),
                    score: 0.91)
            ])
    }

    @Test(.enabled(if: SharedData.isPresent, "shared data is absent"))
    func theSampleDocumentsAreRead() throws {
        let samples = SharedData.root.appendingPathComponent("conformance/samples")
        let input = try ReportPairs(reference: samples, candidate: samples)
        let extractor = try FindingExtractor()
        #expect(input.pairs.count >= 1)
        for pair in input.pairs {
            let findings = extractor.statements(in: pair.reference).map(\.finding)
            #expect(findings.contains("pleural_effusion"))
        }
        let boxes = try BoxTable(samples).boxes
        #expect(boxes.contains { $0.label == "Pleural effusion" && $0.region.x0 == 280 && $0.score == 0.91 })
    }
}
