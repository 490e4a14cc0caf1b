import Dispatch

/// The one place where models compute.
///
/// A pass over a model's weights takes all cores and blocks its thread for as long as it lasts; on a queue of its own it
/// neither starves Swift's cooperative threads nor meets a second pass. Everything that computes is isolated to this actor.
@globalActor public actor ModelCompute {
    public static let shared = ModelCompute()

    private final class Executor: SerialExecutor {
        let queue = DispatchQueue(label: "cxrgate.model-compute", qos: .userInitiated)

        func enqueue(_ job: consuming ExecutorJob) {
            let job = UnownedJob(job)
            queue.async { job.runSynchronously(on: self.asUnownedSerialExecutor()) }
        }
    }

    private static let executor = Executor()

    public static var sharedUnownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    public nonisolated var unownedExecutor: UnownedSerialExecutor { Self.executor.asUnownedSerialExecutor() }

    /// Runs a body where models compute.
    public static func run<Result: Sendable>(
        _ body: @ModelCompute @Sendable () throws -> Result
    ) async rethrows -> Result {
        try await body()
    }
}
