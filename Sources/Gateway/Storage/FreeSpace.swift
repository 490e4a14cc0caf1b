import Foundation
import Synchronization

/// Watches the room on the storage's file system against a watermark.
///
/// Asked for every instance; the file system is asked once a second at most. The service recovers by itself as soon
/// as there is room again.
final class FreeSpace: Sendable {
    /// The least that must stay free, whichever of the two is more.
    struct Watermark: Equatable, Sendable {
        var bytes: UInt64
        /// Of the file system's size, 0 to 100.
        var percent: Double
    }

    private struct State {
        var watermark: Watermark
        var checkedAt: ContinuousClock.Instant?
        var isLow = false
    }

    private let path: String
    private let state: Mutex<State>
    private let changed: @Sendable (Bool) -> Void

    /// - Parameter changed: called when the state changes, with whether the room is low now.
    init(path: String, watermark: Watermark, changed: @escaping @Sendable (Bool) -> Void) {
        self.path = path
        self.changed = changed
        state = Mutex(State(watermark: watermark))
    }

    func update(_ watermark: Watermark) {
        state.withLock {
            $0.watermark = watermark
            $0.checkedAt = nil
        }
    }

    /// Whether the free room is below the watermark.
    var isLow: Bool {
        let (isLow, hasChanged) = state.withLock { state in
            if let checkedAt = state.checkedAt, checkedAt.duration(to: .now) < .seconds(1) {
                return (state.isLow, false)
            }
            let before = state.isLow
            state.isLow = measure(state.watermark)
            state.checkedAt = .now
            return (state.isLow, state.isLow != before)
        }
        if hasChanged {
            changed(isLow)
        }
        return isLow
    }

    /// Bytes of the file system at this moment; `nil` when it does not answer.
    func room() -> (free: Double, total: Double, watermark: Double)? {
        room(state.withLock(\.watermark))
    }

    private func measure(_ watermark: Watermark) -> Bool {
        room(watermark).map { $0.free < $0.watermark } ?? false
    }

    private func room(_ watermark: Watermark) -> (free: Double, total: Double, watermark: Double)? {
        var status = statvfs()
        guard statvfs(path, &status) == 0 else { return nil }
        let unit = UInt64(status.f_frsize)
        let free = Double(UInt64(status.f_bavail) * unit)
        let total = Double(UInt64(status.f_blocks) * unit)
        return (free, total, max(Double(watermark.bytes), total * watermark.percent / 100))
    }
}
