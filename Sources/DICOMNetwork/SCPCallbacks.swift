import CDCMTK

/// Carries a handler through the C interface. The C functions below are called on DCMTK's threads.
final class SCPCallbacks: Sendable {
    let handler: any StorageSCPHandler

    init(handler: any StorageSCPHandler) {
        self.handler = handler
    }

    /// The C table; valid while this object lives.
    var native: cxr_scp_handler {
        cxr_scp_handler(
            context: Unmanaged.passUnretained(self).toOpaque(),
            association_requested: associationRequested,
            association_ended: associationEnded,
            connection_failed: connectionFailed,
            store_began: storeBegan,
            store_ended: storeEnded,
            echoed: echoed,
            commitment_reported: commitmentReported)
    }
}

private func handler(_ context: UnsafeMutableRawPointer?) -> any StorageSCPHandler {
    guard let context else { preconditionFailure("a callback without its context") }
    return Unmanaged<SCPCallbacks>.fromOpaque(context).takeUnretainedValue().handler
}

private func string(_ text: UnsafePointer<CChar>?) -> String {
    text.map { String(cString: $0) } ?? ""
}

private func trimmed(_ text: UnsafePointer<CChar>?) -> String {
    var title = Substring(string(text))
    while title.first == " " { title.removeFirst() }
    while title.last == " " { title.removeLast() }
    return String(title)
}

private func request(_ native: UnsafePointer<cxr_store_request>?) -> StoreRequest {
    StoreRequest(
        sopClassUID: string(native?.pointee.sop_class_uid), sopInstanceUID: string(native?.pointee.sop_instance_uid),
        transferSyntaxUID: string(native?.pointee.transfer_syntax_uid))
}

private func associationRequested(
    context: UnsafeMutableRawPointer?, association: UInt64, native: UnsafePointer<cxr_peer>?
) -> cxr_rejection {
    let peer = Peer(
        callingAETitle: trimmed(native?.pointee.calling_ae_title),
        calledAETitle: trimmed(native?.pointee.called_ae_title),
        applicationContextName: string(native?.pointee.application_context_name),
        address: string(native?.pointee.address), port: native?.pointee.port ?? 0,
        implementationVersionName: string(native?.pointee.implementation_version_name),
        isSecure: native?.pointee.is_secure ?? false)
    let rejection = handler(context).associationRequested(AssociationID(number: association), by: peer)
    return cxr_rejection(
        result: rejection?.result ?? 0, source: rejection?.source ?? 0, reason: rejection?.reason ?? 0)
}

private func associationEnded(
    context: UnsafeMutableRawPointer?, association: UInt64, native: cxr_ending, detail: UnsafePointer<CChar>?
) {
    let ending: AssociationEnding =
        switch native {
        case CXR_ENDING_RELEASED: .released
        case CXR_ENDING_ABORTED_BY_PEER: .abortedByPeer
        case CXR_ENDING_CONNECTION_LOST: .connectionLost
        case CXR_ENDING_IDLE_TIMEOUT: .idleTimeout
        case CXR_ENDING_STOPPED: .stopped
        default: .protocolError
        }
    handler(context).associationEnded(AssociationID(number: association), ending, detail: string(detail))
}

private func connectionFailed(
    context: UnsafeMutableRawPointer?, address: UnsafePointer<CChar>?, port: UInt16, detail: UnsafePointer<CChar>?
) {
    handler(context).connectionFailed(address: string(address), port: port, detail: string(detail))
}

private func echoed(context: UnsafeMutableRawPointer?, association: UInt64) {
    handler(context).echoed(AssociationID(number: association))
}

private func storeBegan(
    context: UnsafeMutableRawPointer?, association: UInt64, native: UnsafePointer<cxr_store_request>?
) -> cxr_store_ticket {
    switch handler(context).storeBegan(AssociationID(number: association), request(native)) {
    case .receive(let descriptor, let maximumBytes):
        cxr_store_ticket(status: 0, descriptor: descriptor, maximum_bytes: maximumBytes)
    case .refuse(let status):
        cxr_store_ticket(status: status.code, descriptor: -1, maximum_bytes: 0)
    }
}

private func storeEnded(
    context: UnsafeMutableRawPointer?, association: UInt64, native: UnsafePointer<cxr_store_request>?,
    result: UnsafePointer<cxr_store_result>?
) -> UInt16 {
    guard let result = result?.pointee else { return StoreStatus.processingFailure.code }
    let outcome: ReceivedFile.Outcome =
        switch result.outcome {
        case CXR_STORE_COMPLETE: .complete
        case CXR_STORE_WRITE_FAILED: .writeFailed(result.error_number)
        case CXR_STORE_TOO_LARGE: .tooLarge
        default: .aborted
        }
    let digits = Array("0123456789abcdef".utf8)
    let digest = withUnsafeBytes(of: result.sha256) { bytes in
        String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
    let file = ReceivedFile(
        outcome: outcome, descriptor: result.descriptor, bytes: result.bytes, sha256: digest)
    return handler(context).storeEnded(AssociationID(number: association), request(native), file).code
}

func commitmentItems(_ items: UnsafePointer<cxr_commitment_item>?, _ count: Int) -> [CommitmentItem] {
    UnsafeBufferPointer(start: items, count: count).map { item in
        CommitmentItem(
            sopClassUID: string(item.sop_class_uid), sopInstanceUID: string(item.sop_instance_uid),
            failureReason: item.failure_reason == 0 ? nil : item.failure_reason)
    }
}

private func commitmentReported(
    context: UnsafeMutableRawPointer?, association: UInt64, transaction: UnsafePointer<CChar>?,
    items: UnsafePointer<cxr_commitment_item>?, count: Int
) -> UInt16 {
    let understood = handler(context).commitmentReported(
        AssociationID(number: association), transactionUID: string(transaction), items: commitmentItems(items, count))
    return understood ? 0 : StoreStatus.processingFailure.code
}
