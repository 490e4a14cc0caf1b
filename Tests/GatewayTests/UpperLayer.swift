import DICOM

/// Bytes of the DICOM upper layer protocol (PS3.8 9.3), written by hand so that they can be wrong.
enum UpperLayer {
    static func pdu(type: UInt8, _ body: [UInt8]) -> [UInt8] {
        [type, 0] + bigEndian(UInt32(body.count)) + body
    }

    /// A P-DATA-TF with one fragment.
    static func data(_ fragment: [UInt8], isCommand: Bool, isLast: Bool, id: UInt8 = 1) -> [UInt8] {
        let control: UInt8 = (isCommand ? 1 : 0) | (isLast ? 2 : 0)
        return pdu(type: 4, bigEndian(UInt32(fragment.count + 2)) + [id, control] + fragment)
    }

    /// Proposes DX storage in implicit and verification in explicit VR little endian, contexts 1 and 3.
    static func associateRequest(calling: String = "HOSTILE", called: String = "CXRGATE") -> [UInt8] {
        let fixed: [UInt8] = [0, 1, 0, 0] + title(called) + title(calling) + [UInt8](repeating: 0, count: 32)
        let contexts =
            context(1, StorageSOPClass.digitalXRayForPresentation, TransferSyntax.implicitVRLittleEndian.uid)
            + context(3, "1.2.840.10008.1.1", TransferSyntax.explicitVRLittleEndian.uid)
        let user = item(0x51, bigEndian(16384)) + item(0x52, Array("1.2.3.4".utf8))
        let body = fixed + item(0x10, Array("1.2.840.10008.3.1.1.1".utf8)) + contexts + item(0x50, user)
        return pdu(type: 1, body)
    }

    /// A C-STORE-RQ for a DX instance; its dataset has to follow.
    static func storeRequest(sopInstance: String) -> [UInt8] {
        var elements = element(0x0002, padded(StorageSOPClass.digitalXRayForPresentation))
        elements += element(0x0100, [1, 0]) + element(0x0110, [1, 0]) + element(0x0700, [0, 0])
        elements += element(0x0800, [1, 0]) + element(0x1000, padded(sopInstance))
        let length = element(0x0000, littleEndian(UInt32(elements.count)))
        return data(length + elements, isCommand: true, isLast: true)
    }

    private static func context(_ id: UInt8, _ sopClass: String, _ syntax: String) -> [UInt8] {
        item(0x20, [id, 0, 0, 0] + item(0x30, Array(sopClass.utf8)) + item(0x40, Array(syntax.utf8)))
    }

    private static func item(_ type: UInt8, _ body: [UInt8]) -> [UInt8] {
        [type, 0, UInt8(body.count >> 8), UInt8(body.count & 0xff)] + body
    }

    private static func element(_ number: UInt16, _ value: [UInt8]) -> [UInt8] {
        [0, 0, UInt8(number & 0xff), UInt8(number >> 8)] + littleEndian(UInt32(value.count)) + value
    }

    private static func padded(_ uid: String) -> [UInt8] {
        uid.utf8.count % 2 == 0 ? Array(uid.utf8) : Array(uid.utf8) + [0]
    }

    private static func title(_ text: String) -> [UInt8] {
        Array(text.utf8) + [UInt8](repeating: 0x20, count: 16 - text.utf8.count)
    }

    private static func bigEndian(_ value: UInt32) -> [UInt8] {
        [24, 16, 8, 0].map { UInt8(value >> $0 & 0xff) }
    }

    private static func littleEndian(_ value: UInt32) -> [UInt8] {
        bigEndian(value).reversed()
    }
}
