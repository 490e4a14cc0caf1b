import DICOM
import Findings
import Foundation
import TestSupport
import Testing

@testable import Results

@Suite struct HeaderTests {
    @Test(arguments: CharacterSetSample.all.map(\.name))
    func everyCharacterSetBecomesUTF8WithItsCarets(name: String) throws {
        let sample = try #require(CharacterSetSample.all.first { $0.name == name })
        let built = try Built(.named(sample))
        #expect(built.sources[0].notes.isEmpty)
        for object in built.objects {
            let dataset = try DICOMFile(contentsOf: object.file).dataset
            #expect(dataset.text(.specificCharacterSet) == "ISO_IR 192")
            let bytes = try #require(dataset.bytes(.patientName))
            #expect(String(decoding: bytes.filter { $0 != 0 }, as: UTF8.self) == sample.text)
        }
    }

    /// Real archives hold ages without a unit and dates with dots, which make an object invalid (PS3.5 6.2).
    @Test(
        arguments: [
            (.patientAge, "062Y", "062Y"), (.patientAge, "62", nil), (.patientAge, "62Y", nil),
            (.patientBirthDate, "19560301", "19560301"), (.patientBirthDate, "1956-03-01", nil),
            (.patientSex, "F", "F"), (.patientSex, "female", nil), (.studyTime, "101112.5", "101112.5"),
            (.studyTime, "10:11", nil), (Tag(0x0010, 0x1030), "71.5", "71.5"), (Tag(0x0010, 0x1030), "71,5", nil),
        ] as [(DICOM.Tag, String, String?)])
    func aMalformedValueIsLeftOutAndNoted(tag: DICOM.Tag, value: String, expected: String?) throws {
        var picture = SyntheticRadiograph()
        picture.additions = [tag: value]
        let built = try Built(
            SampleStudy("value", picture) { SampleStudy.reading(of: $0, findings: [SampleStudy.effusion(on: $0)]) })
        #expect(!built.objects.isEmpty)
        #expect(built.sources[0].notes.count == (expected == nil ? 1 : 0))
        for object in built.objects {
            let dataset = try DICOMFile(contentsOf: object.file).dataset
            #expect(dataset.text(tag) == expected)
            #expect(dataset.contains(tag) || !CopiedAttributes.obligatory.contains { $0.tag == tag })
        }
    }

    @Test(
        arguments: [
            ("DA", "", true), ("DA", "20261301", false), ("DA", "20260101\\20260102", true), ("TM", "0760", false),
            ("TM", "235960", true), ("TM", "10", true), ("DS", "1e-3", true), ("DS", "NaN", false),
            ("IS", "2147483648", false), ("IS", " 12 ", true), ("CS", "ORIGINAL\\PRIMARY", true), ("CS", "A-B", false),
            ("UI", "1.2.840.01", false), ("UI", "1.2.840\0", true), ("LO", "any thing", true),
        ])
    func formatsOfValuesAreThoseOfTheStandard(vr: String, value: String, isWellFormed: Bool) {
        #expect(ValueFormat.isWellFormed(Array(value.utf8), vr: vr) == isWellFormed)
    }

    @Test func patientAndStudyAreCopiedByteForByte() throws {
        var picture = SyntheticRadiograph()
        picture.patientName = Array("  Doe ^John  Q^^^".utf8)
        picture.additions = [
            Tag(0x0010, 0x1001): "Other^Name\\Third^^^", Tag(0x0010, 0x21F0): "none ", Tag(0x0012, 0x0062): "YES",
            Tag(0x0008, 0x1048): "Physician^Of^Record", Tag(0x0010, 0x0032): "101112",
        ]
        let source = try picture.file()
        let other = try source.dataset.appendItem(Tag(0x0010, 0x1002))
        try other.set(.patientID, "OTHER-1")
        try other.set(.issuerOfPatientID, "ELSEWHERE")
        let scratch = try ScratchDirectory()
        let url = scratch.url.appendingPathComponent("s.dcm")
        try source.write(to: url)
        let sources = [try SourceInstance(contentsOf: url)]
        let objects = try ResultBuilder(identity: Built.identity, options: Built.everything).build(
            SampleStudy.oneRegion.reading, sources: sources, instant: Built.instant, into: scratch.url)
        #expect(objects.count == 5)
        let original = try DICOMFile(contentsOf: url).dataset
        for object in objects {
            let result = try DICOMFile(contentsOf: object.file).dataset
            for (tag, _) in original.elements where tag.group == 0x0010 && tag != Tag(0x0010, 0x1002) {
                #expect(result.bytes(tag) == original.bytes(tag), "\(tag) in \(object.file.lastPathComponent)")
            }
            for tag in [
                .studyInstanceUID, .studyDate, .studyTime, .studyID, .studyDescription, .accessionNumber,
                .referringPhysicianName, .timezoneOffsetFromUTC, Tag(0x0012, 0x0062), Tag(0x0008, 0x1048),
            ] as [DICOM.Tag] {
                #expect(result.bytes(tag) == original.bytes(tag), "\(tag) in \(object.file.lastPathComponent)")
            }
            let identifier = try #require(result.items(Tag(0x0010, 0x1002)).first)
            #expect(identifier.text(.patientID) == "OTHER-1")
            #expect(identifier.text(.issuerOfPatientID) == "ELSEWHERE")
        }
    }

    @Test func originIsTheGatewayAndNeverTheModality() throws {
        let built = try Built(.oneRegion)
        for object in built.objects {
            let dataset = try DICOMFile(contentsOf: object.file).dataset
            #expect(dataset.text(.manufacturer) == Built.identity.manufacturer)
            #expect(dataset.text(.manufacturerModelName) == "CXRGateway")
            #expect(dataset.text(.deviceSerialNumber) == "SN123")
            #expect(dataset.texts(.softwareVersions) == [Implementation.version, "cxr-vlm 2026.02-q4"])
            #expect(dataset.text(.seriesDescription)?.contains("(unverified)") == true)
            #expect((dataset.int(.seriesNumber) ?? 0) >= 9000)
            let equipment = try #require(dataset.items(.contributingEquipmentSequence).first)
            #expect(equipment.items(.purposeOfReferenceCodeSequence).first?.text(.codeValue) == "109102")
            #expect(equipment.text(.contributionDescription)?.contains(SampleStudy.model.weightsDigest) == true)
            #expect(!dataset.contains(.syntheticData))
        }
    }

    @Test func resultsOfASyntheticImageStaySynthetic() throws {
        let scratch = try ScratchDirectory()
        let file = try SyntheticRadiograph().file()
        try file.dataset.set(.syntheticData, "YES", vr: "CS")
        let url = scratch.url.appendingPathComponent("s.dcm")
        try file.write(to: url)
        let objects = try ResultBuilder(identity: Built.identity).build(
            SampleStudy.oneRegion.reading, sources: [SourceInstance(contentsOf: url)], instant: Built.instant,
            into: scratch.url)
        for object in objects {
            #expect(try DICOMFile(contentsOf: object.file).dataset.text(.syntheticData) == "YES")
        }
    }

    @Test func missingType2AttributesAreThereAndEmpty() throws {
        let built = try Built(.missingType2)
        for object in built.objects {
            let dataset = try DICOMFile(contentsOf: object.file).dataset
            for (tag, _) in CopiedAttributes.obligatory {
                #expect(dataset.contains(tag) && dataset.text(tag) == nil, "\(tag)")
            }
            #expect(!dataset.contains(.timezoneOffsetFromUTC))
        }
    }

    @Test func timesStandInTheSourcesZoneElseInTheGateways() throws {
        let inSource = try Built(.oneRegion).dataset(.narrative)
        #expect(inSource.text(.contentDate) == "20260302")
        #expect(inSource.text(.contentTime) == "101745.123")
        let tokyo = TimeZone(secondsFromGMT: 9 * 3600)!
        let inGateway = try Built(.missingType2, localTimeZone: tokyo).dataset(.narrative)
        #expect(inGateway.text(.contentTime) == "181745.123")
        #expect(
            inGateway.items(.contributingEquipmentSequence).first?.text(.contributionDateTime)
                == "20260302181745.123000")
    }

    @Test(
        arguments: [
            (nil, [UInt8]("M".utf8) + [0xFC] + [UInt8]("ller^J".utf8), "Müller^J"),
            (nil, [UInt8]("Müller^Jörg".utf8), "Müller^Jörg"),
            ("ISO_IR 999", [UInt8]("Gr".utf8) + [0xFC] + [UInt8]("n".utf8), "Grün"),
            ("ISO_IR 192", [UInt8]("Gr".utf8) + [0xFC] + [UInt8]("n".utf8), "Grün"),
            ("\\ISO 2022 IR 87", [UInt8]("Yamada=".utf8) + [0x1B, 0x24, 0x42, 0x3B], "Yamada=$B;"),
        ] as [(String?, [UInt8], String)])
    func aWrongCharacterSetCostsNoResult(declared: String?, bytes: [UInt8], text: String) throws {
        var study = SampleStudy.oneRegion
        study.images[0].characterSet = declared
        study.images[0].patientName = bytes
        let built = try Built(study)
        #expect(built.objects.count == 5)
        #expect(built.sources[0].notes.count == 1)
        #expect(try built.dataset(.findings).text(.patientName) == text)
    }

    @Test func requestsAreReferencedAndProceduresReported() throws {
        let scratch = try ScratchDirectory()
        let file = try SyntheticRadiograph().file()
        let request = try file.dataset.appendItem(.requestAttributesSequence)
        try request.set(.requestedProcedureID, "RP-7")
        try request.set(.accessionNumber, "ACC-7")
        let procedure = try file.dataset.appendItem(.procedureCodeSequence)
        try procedure.set(.codeValue, "24648-8")
        try procedure.set(.codingSchemeDesignator, "LN")
        try procedure.set(.codeMeaning, "XR Chest PA upright")
        let url = scratch.url.appendingPathComponent("s.dcm")
        try file.write(to: url)
        let objects = try ResultBuilder(identity: Built.identity).build(
            SampleStudy.oneRegion.reading, sources: [SourceInstance(contentsOf: url)], instant: Built.instant,
            into: scratch.url)
        let narrative = try DICOMFile(contentsOf: objects[0].file).dataset
        let item = try #require(narrative.items(.referencedRequestSequence).first)
        #expect(item.text(.requestedProcedureID) == "RP-7")
        #expect(item.text(.accessionNumber) == "ACC-7")
        #expect(item.text(.studyInstanceUID) == SyntheticRadiograph().studyInstanceUID)
        #expect(narrative.items(.performedProcedureCodeSequence).first?.text(.codeValue) == "24648-8")
        #expect(ReadItem(dataset: narrative).first("121058")?.code == "24648-8")
        let findings = try DICOMFile(contentsOf: objects[1].file).dataset
        #expect(ReadItem(dataset: findings).first("121058")?.code == "363679005")
    }
}
