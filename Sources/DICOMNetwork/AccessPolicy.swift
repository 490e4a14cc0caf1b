import Synchronization

/// Who may open an association, and how many at once (design: policy before data).
public struct AccessPolicy: Equatable, Sendable {
    /// A calling AE that may send.
    public struct Source: Equatable, Sendable {
        /// Calling AE title; `*` for any.
        public var aeTitle: String
        /// Addresses it may call from.
        public var networks: [NetworkRange]
        /// The most associations at once.
        public var maximumAssociations: Int
        /// Whether it must come over TLS.
        public var requiresTLS: Bool

        /// A source from its parts.
        public init(
            aeTitle: String, networks: [NetworkRange], maximumAssociations: Int = 16, requiresTLS: Bool = false
        ) {
            self.aeTitle = aeTitle
            self.networks = networks
            self.maximumAssociations = maximumAssociations
            self.requiresTLS = requiresTLS
        }
    }

    /// Our AE titles.
    public var calledAETitles: [String]
    /// The sources; the first that fits decides.
    public var sources: [Source]
    /// The most associations at once, of all sources together.
    public var maximumAssociations: Int

    /// A policy from its parts.
    public init(calledAETitles: [String], sources: [Source], maximumAssociations: Int = 64) {
        self.calledAETitles = calledAETitles
        self.sources = sources
        self.maximumAssociations = maximumAssociations
    }

    /// The source that fits a peer, when there is one.
    public func source(for peer: Peer) -> Source? {
        guard let address = IPAddress(peer.address) else { return nil }
        return sources.first { source in
            (source.aeTitle == "*" || source.aeTitle == peer.callingAETitle)
                && (peer.isSecure || !source.requiresTLS) && source.networks.contains { $0.contains(address) }
        }
    }
}

/// Applies an `AccessPolicy` to associations as they come and go. The policy may change at any time; associations
/// that are open stay open.
public final class AccessControl: Sendable {
    private struct State {
        var policy: AccessPolicy
        var isClosed = false
        var open: [AssociationID: String] = [:]
    }

    private let state: Mutex<State>

    /// Starts with no open association.
    public init(_ policy: AccessPolicy) {
        state = Mutex(State(policy: policy))
    }

    /// Replaces the policy for the associations to come.
    public func update(_ policy: AccessPolicy) {
        state.withLock { $0.policy = policy }
    }

    /// Rejects every new association from now on as temporary congestion (no room, or going down), or no longer.
    public func close(_ isClosed: Bool) {
        state.withLock { $0.isClosed = isClosed }
    }

    /// Whether every new association is rejected.
    public var isClosed: Bool {
        state.withLock { $0.isClosed }
    }

    /// The number of open associations.
    public var openCount: Int {
        state.withLock { $0.open.count }
    }

    /// Decides about an association and counts it when it is accepted.
    ///
    /// - Returns: `nil` to accept, or the standard's rejection.
    public func admit(_ association: AssociationID, _ peer: Peer) -> AssociationRejection? {
        state.withLock { state in
            let policy = state.policy
            guard peer.applicationContextName == Peer.dicomApplicationContext else {
                return .applicationContextNotSupported
            }
            guard policy.calledAETitles.contains(peer.calledAETitle) else { return .calledAETitleNotRecognized }
            guard let source = policy.source(for: peer) else { return .callingAETitleNotRecognized }
            guard !state.isClosed else { return .temporaryCongestion }
            let ofSource = state.open.values.count { $0 == peer.callingAETitle }
            guard state.open.count < policy.maximumAssociations, ofSource < source.maximumAssociations else {
                return .localLimitExceeded
            }
            state.open[association] = peer.callingAETitle
            return nil
        }
    }

    /// Forgets an association that is over.
    public func leave(_ association: AssociationID) {
        state.withLock { _ = $0.open.removeValue(forKey: association) }
    }
}
