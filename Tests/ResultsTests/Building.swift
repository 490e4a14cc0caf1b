import DICOM
import Findings
import Foundation
import TestSupport

@testable import Results

/// Results of a sample study, built in a scratch directory and read back from their files.
struct Built {
    let objects: [ResultObject]
    let sources: [SourceInstance]
    private let scratch: ScratchDirectory

    static let instant = Date(timeIntervalSince1970: 1_772_443_065.123)
    static let identity = GatewayIdentity(serialNumber: "SN123", institutionName: "Test Klinik")
    static let everything = ResultOptions(kinds: Set(ResultKind.allCases))

    init(
        _ study: SampleStudy, options: ResultOptions = everything, revision: Revision = .first,
        localTimeZone: TimeZone = TimeZone(secondsFromGMT: 0)!
    ) throws {
        scratch = try ScratchDirectory()
        let directory = scratch.url
        sources = try study.images.enumerated().map { index, image in
            try SourceInstance(contentsOf: image.write(named: "source-\(index)", in: directory))
        }
        objects = try ResultBuilder(identity: Self.identity, options: options, localTimeZone: localTimeZone)
            .build(
                study.reading, sources: sources, revision: revision, instant: Self.instant, into: scratch.url)
    }

    var directory: URL { scratch.url }

    func files(_ kind: ResultKind) throws -> [DICOMFile] {
        try objects.filter { $0.reference.kind == kind }.map { try DICOMFile(contentsOf: $0.file) }
    }

    func dataset(_ kind: ResultKind) throws -> Dataset {
        guard let file = try files(kind).first else { throw Missing(kind: kind) }
        return file.dataset
    }

    struct Missing: Error { let kind: ResultKind }
}

/// A content item as a reader finds it.
struct ReadItem {
    let dataset: Dataset

    var type: String { dataset.text(.valueType) ?? "" }
    var relationship: String { dataset.text(.relationshipType) ?? "" }
    var name: String? { dataset.items(.conceptNameCodeSequence).first?.text(.codeValue) }
    var meaning: String? { dataset.items(.conceptNameCodeSequence).first?.text(.codeMeaning) }
    var code: String? { dataset.items(.conceptCodeSequence).first?.text(.codeValue) }
    var text: String? { dataset.text(.textValue) }
    var children: [ReadItem] { dataset.items(.contentSequence).map(ReadItem.init) }
    var descendants: [ReadItem] { children.flatMap { [$0] + $0.descendants } }

    func first(_ name: String) -> ReadItem? { descendants.first { $0.name == name } }
    func all(_ name: String) -> [ReadItem] { descendants.filter { $0.name == name } }
}
