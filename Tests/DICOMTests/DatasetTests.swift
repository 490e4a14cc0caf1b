import Foundation
import TestSupport
import Testing

@testable import DICOM

@Suite struct DatasetTests {
    @Test func whatIsWrittenIsReadBack() throws {
        let scratch = try ScratchDirectory()
        let file = DICOMFile()
        let uid = UID.random().description
        try file.dataset.set(.sopClassUID, "1.2.840.10008.5.1.4.1.1.7")
        try file.dataset.set(.sopInstanceUID, uid)
        try file.dataset.set(.patientName, "Yamada^Tarou^^^")
        try file.dataset.set(.rows, 7)
        try file.dataset.set(.pixelSpacing, "0.143\\0.15")
        let item = try file.dataset.appendItem(.procedureCodeSequence)
        try item.set(.codeValue, "399208008")
        try file.dataset.setEmptySequence(.requestAttributesSequence)
        try file.dataset.set(Tag(0x0099, 0x0010), "CXR", vr: "LO")
        try file.dataset.set(.pixelData, bytes: [1, 0, 2, 0], vr: "OW")
        let url = scratch.url.appendingPathComponent("a.dcm")
        try file.write(to: url)

        let read = try DICOMFile(contentsOf: url)
        #expect(read.transferSyntaxUID == TransferSyntax.explicitVRLittleEndian.uid)
        #expect(read.meta.text(.mediaStorageSOPInstanceUID) == uid)
        #expect(read.dataset.text(.patientName) == "Yamada^Tarou^^^")
        #expect(read.dataset.int(.rows) == 7)
        #expect(read.dataset.doubles(.pixelSpacing) == [0.143, 0.15])
        #expect(read.dataset.items(.procedureCodeSequence).first?.text(.codeValue) == "399208008")
        #expect(read.dataset.contains(.requestAttributesSequence))
        #expect(read.dataset.items(.requestAttributesSequence).isEmpty)
        #expect(read.dataset.text(Tag(0x0099, 0x0010)) == "CXR")
        #expect(read.dataset.bytes(.pixelData) == [1, 0, 2, 0])
        #expect(read.dataset.elements.map(\.tag) == read.dataset.elements.map(\.tag).sorted())
    }

    @Test func textInAnyCharacterSetBecomesUTF8() throws {
        let file = DICOMFile()
        try file.dataset.set(.specificCharacterSet, "ISO_IR 144")
        try file.dataset.set(.patientName, bytes: [0xBB, 0xEE, 0xDA, 0xD5], vr: "PN")
        try file.convertToUTF8()
        #expect(file.dataset.text(.patientName) == "Люке")
    }

    @Test func aFileThatIsNotDICOMIsANamedError() throws {
        let scratch = try ScratchDirectory()
        let url = scratch.url.appendingPathComponent("note.txt")
        try Data("hello".utf8).write(to: url)
        #expect(throws: DICOMError.self) { try DICOMFile(contentsOf: url) }
        #expect(throws: DICOMError.self) { try DICOMFile(contentsOf: scratch.url.appendingPathComponent("absent")) }
    }

    @Test func numbersThatAreNotNumbersAreAbsent() throws {
        let file = DICOMFile()
        try file.dataset.set(.pixelSpacing, bytes: Array("a\\b".utf8), vr: "DS")
        #expect(file.dataset.doubles(.pixelSpacing) == nil)
        #expect(file.dataset.int(.rows) == nil)
    }

    /// Values above the limit stay on disk until they are asked for, and are then found at their place.
    @Test func aValueThatStayedOnDiskIsReadWhenAskedFor() throws {
        let scratch = try ScratchDirectory()
        let instance = try SyntheticInstance(in: scratch.url, bytes: 100_000)
        let lazy = try DICOMFile(contentsOf: instance.url, maximumElementBytes: 1024)
        let eager = try DICOMFile(bytes: Array(Data(contentsOf: instance.url)))
        let pixels = try #require(lazy.dataset.bytes(.pixelData))
        #expect(pixels.count > 90_000 && pixels == eager.dataset.bytes(.pixelData))
    }
}
