import DICOM
import Findings
import Foundation
import TestSupport
import Testing

@testable import Results

@Suite struct IdentityTests {
    @Test func theSameReadingTwiceGivesTheSameBytes() throws {
        let first = try Built(.manyRegions)
        let second = try Built(.manyRegions)
        #expect(first.objects.map(\.reference) == second.objects.map(\.reference))
        for (one, other) in zip(first.objects, second.objects) {
            #expect(try Data(contentsOf: one.file) == Data(contentsOf: other.file), "\(one.file.lastPathComponent)")
        }
    }

    @Test func everyObjectHasItsOwnUIDAndEveryKindItsSeries() throws {
        let objects = try Built(.twoImages).objects.map(\.reference)
        #expect(objects.count == 7)
        #expect(Set(objects.map(\.sopInstanceUID)).count == 7)
        #expect(Set(objects.map(\.seriesInstanceUID)).count == 5)
        for object in objects {
            #expect(object.sopInstanceUID.hasPrefix("2.25."))
            #expect(try UID(object.sopInstanceUID).description == object.sopInstanceUID)
        }
    }

    @Test func uidsDependOnEverythingThatMadeThem() throws {
        let base = SampleStudy.oneRegion
        func uids(_ change: (inout SampleStudy) -> Void) throws -> [String] {
            var study = base
            change(&study)
            return try Built(study).objects.map(\.reference.sopInstanceUID)
        }
        let all = try [
            uids { _ in }, uids { $0.reading.model.version = "2" }, uids { $0.reading.model.name = "other" },
            uids { $0.reading.model.weightsDigest = "sha256:00" },
        ]
        #expect(Set(all.flatMap { $0 }).count == 20)
    }

    @Test func theOrderOfImagesDoesNotChangeUIDs() throws {
        var turned = SampleStudy.twoImages
        turned.reading.images.reverse()
        turned.images.reverse()
        let one = try Built(.twoImages).objects.first?.reference
        #expect(try Built(turned).objects.first?.reference == one)
    }

    @Test func aRevisionJoinsTheSeriesAndNamesItsPredecessor() throws {
        let first = try Built(.oneRegion)
        // A late lateral image changes the set of sources, and still the series stay.
        let revision = Revision(number: 2, predecessors: first.objects.map(\.reference))
        let second = try Built(.twoImages, revision: revision)
        for kind in [ResultKind.narrative, .findings] {
            let old = try #require(first.objects.first { $0.reference.kind == kind }?.reference)
            let dataset = try second.dataset(kind)
            #expect(dataset.text(.seriesInstanceUID) == old.seriesInstanceUID)
            #expect(dataset.int(.instanceNumber) == 2)
            let study = try #require(dataset.items(.predecessorDocumentsSequence).first)
            let series = try #require(study.items(.referencedSeriesSequence).first)
            let instances = series.items(.referencedSOPSequence)
            #expect(instances.map { $0.text(.referencedSOPInstanceUID) } == [old.sopInstanceUID])
            #expect(instances.first?.text(.referencedSOPClassUID) == old.sopClassUID)
            #expect(series.text(.seriesInstanceUID) == old.seriesInstanceUID)
        }
        let numbers = try second.files(.presentation).map { $0.dataset.int(.instanceNumber) }
        #expect(numbers == [101, 102])
        let unrevised = try first.dataset(.narrative)
        #expect(!unrevised.contains(.predecessorDocumentsSequence))
    }

    @Test func evidenceNamesEveryImageOnce() throws {
        let built = try Built(.twoImages)
        for kind in [ResultKind.narrative, .findings, .keyObjects] {
            let studies = try built.dataset(kind).items(.currentRequestedProcedureEvidenceSequence)
            #expect(studies.count == 1)
            let instances = studies.flatMap { $0.items(.referencedSeriesSequence) }
                .flatMap { $0.items(.referencedSOPSequence) }.compactMap { $0.text(.referencedSOPInstanceUID) }
            #expect(instances.sorted() == built.sources.map(\.sopInstanceUID).sorted())
        }
    }

    @Test(arguments: FindingsReportClass.allCases)
    func aDestinationChoosesTheClassOfTheFindings(findingsClass: FindingsReportClass) throws {
        let built = try Built(
            .oneRegion, options: ResultOptions(kinds: [.findings], findingsClass: findingsClass))
        #expect(built.objects.map(\.reference.sopClassUID) == [findingsClass.sopClassUID])
        #expect(ResultKind(sopClassUID: findingsClass.sopClassUID) == .findings)
    }
}
