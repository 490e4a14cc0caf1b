import DICOM
import Foundation

/// A small DX instance with random pixels, for tests of the way of a file rather than of its picture.
public struct SyntheticInstance: Sendable {
    /// Where the file is.
    public let url: URL
    /// Study Instance UID.
    public let study: String
    /// Series Instance UID.
    public let series: String
    /// SOP Instance UID.
    public let sopInstance: String

    /// Writes an instance.
    ///
    /// - Parameters:
    ///   - bytes: About how large.
    ///   - change: Changes the dataset before it is written.
    public init(
        in directory: URL, study: String = UID.random().description, series: String = UID.random().description,
        sopInstance: String = UID.random().description, bytes: Int = 20_000,
        transferSyntax: TransferSyntax = .explicitVRLittleEndian, change: (Dataset) throws -> Void = { _ in }
    ) throws {
        let file = DICOMFile()
        let dataset = file.dataset
        try dataset.set(.sopClassUID, StorageSOPClass.digitalXRayForPresentation)
        try dataset.set(.sopInstanceUID, sopInstance)
        try dataset.set(.studyInstanceUID, study)
        try dataset.set(.seriesInstanceUID, series)
        try dataset.set(.patientName, "Test^Patient")
        try dataset.set(.patientID, "T-1")
        try dataset.set(.modality, "DX")
        try dataset.set(.bodyPartExamined, "CHEST")
        try dataset.set(.viewPosition, "PA")
        try dataset.set(.studyDate, "20260102")
        let side = max(16, Int(Double(bytes / 2).squareRoot()))
        try dataset.set(.samplesPerPixel, 1)
        try dataset.set(.photometricInterpretation, "MONOCHROME2")
        try dataset.set(.rows, side)
        try dataset.set(.columns, side)
        try dataset.set(.bitsAllocated, 16)
        try dataset.set(.bitsStored, 12)
        try dataset.set(.highBit, 11)
        try dataset.set(.pixelRepresentation, 0)
        var generator = SystemRandomNumberGenerator()
        let pixels = (0..<(side * side)).flatMap { _ -> [UInt8] in
            let value = UInt16.random(in: 0..<4096, using: &generator)
            return [UInt8(value & 0xff), UInt8(value >> 8)]
        }
        try dataset.set(.pixelData, bytes: pixels, vr: "OW")
        try change(dataset)
        url = directory.appendingPathComponent("\(sopInstance)-\(UUID().uuidString.prefix(4)).dcm")
        self.study = study
        self.series = series
        self.sopInstance = sopInstance
        try file.write(to: url, transferSyntax: transferSyntax)
    }
}
