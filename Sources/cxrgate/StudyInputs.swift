import ChestReading
import Cryptography
import DICOM
import Foundation

/// The DICOM files of a command line, by study.
struct StudyInputs {
    /// The files of one study.
    struct Study {
        let studyInstanceUID: String
        var files: [StudyFile] = []
        /// SOP Class and SOP Instance UIDs in the order of the files.
        var instances: [(sopClassUID: String, sopInstanceUID: String)] = []
        /// What the audit log names the patient and the request by.
        var patientID: String?
        var issuer: String?
        var patientName: String?
        var accession: String?
    }

    /// A file that belongs to no study.
    struct Rejected: Encodable {
        let file: String
        let reason: String
    }

    /// In the order of their first files.
    private(set) var studies: [Study] = []
    /// What should have been an image and is none that can be used.
    private(set) var rejected: [Rejected] = []
    /// Files in directories that are not DICOM at all.
    private(set) var passedOver = 0

    /// Opens the headers of all files.
    ///
    /// - Throws: `CommandFailure` when something named does not exist.
    init(_ paths: [String]) throws {
        for found in try FilePaths.expanded(paths) {
            do {
                try add(found.path)
            } catch {
                // A directory may hold a README; what says that it is DICOM, or is named, must be.
                if found.isNamed || Self.claimsDICOM(found.path) {
                    rejected.append(Rejected(file: found.path, reason: "\(error)"))
                } else {
                    passedOver += 1
                }
            }
        }
    }

    /// The one study that a command is about.
    ///
    /// - Throws: `CommandFailure` when there is none or more than one.
    func single() throws -> Study {
        guard let study = studies.first else {
            throw CommandFailure(
                rejected.first.map { "\($0.file): \($0.reason)" } ?? "there is no DICOM image in what was named")
        }
        guard studies.count == 1 else {
            throw CommandFailure(
                "the files belong to \(studies.count) studies; name those of one, for example \(study.files[0].url.path)"
            )
        }
        return study
    }

    private mutating func add(_ path: String) throws {
        let url = URL(fileURLWithPath: path)
        let file = try DICOMFile(contentsOf: url, before: .pixelData)
        let dataset = file.dataset
        guard let text = dataset.text(.studyInstanceUID), let uid = try? UID(text).description,
            let sopClass = dataset.text(.sopClassUID), let instance = dataset.text(.sopInstanceUID)
        else { throw CommandFailure("it is not a DICOM object with a Study and SOP Instance UID") }
        let entry = StudyFile(url: url, sha256: SHA256.hash([UInt8](try Data(contentsOf: url))).hex)
        let index = studies.firstIndex { $0.studyInstanceUID == uid } ?? studies.count
        if index == studies.count { studies.append(Study(studyInstanceUID: uid)) }
        if let known = studies[index].instances.firstIndex(where: { $0.sopInstanceUID == instance }) {
            guard studies[index].files[known].sha256 != entry.sha256 else { return }
            throw CommandFailure(
                "it has the SOP Instance UID of \(studies[index].files[known].url.lastPathComponent) and other content")
        }
        studies[index].files.append(entry)
        studies[index].instances.append((sopClass, instance))
        if studies[index].files.count == 1 { Self.name(&studies[index], from: file) }
    }

    private static func name(_ study: inout Study, from file: DICOMFile) {
        // Text that does not fit its character set stays as it is, with replacement characters.
        try? file.convertToUTF8()
        study.patientID = file.dataset.text(.patientID)
        study.issuer = file.dataset.text(.issuerOfPatientID)
        study.patientName = file.dataset.text(.patientName)
        study.accession = file.dataset.text(.accessionNumber)
    }

    /// Whether the file has the prefix of a DICOM file (PS3.10 7.1).
    private static func claimsDICOM(_ path: String) -> Bool {
        guard let handle = FileHandle(forReadingAtPath: path) else { return false }
        defer { try? handle.close() }
        return (try? handle.read(upToCount: 132))?.suffix(4) == Data("DICM".utf8)
    }
}
