import Foundation
import Synchronization
import Testing

@testable import Tensors

extension KernelTests {
    @Suite struct PoolTests {
        @Test func everyIndexRunsOnceAtAnyThreadCountAndGrain() {
            let before = Compute.threads
            defer { Compute.threads = before }
            for threads in [1, 2, 5] {
                Compute.threads = threads
                #expect(Compute.threads == threads)
                for (count, grain) in [(0, 1), (1, 1), (100, 1), (1000, 7), (10, 100)] {
                    let hits = (0..<count).map { _ in Counter() }
                    Compute.parallelFor(3..<(3 + count), grain: grain) { range in
                        for i in range { hits[i - 3].increment() }
                    }
                    #expect(hits.allSatisfy { $0.value == 1 })
                }
            }
        }

        @Test func loopsFromManyThreadsDoNotMix() async {
            let total = Counter()
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<8 {
                    group.addTask {
                        for _ in 0..<50 {
                            Compute.parallelFor(0..<64, grain: 3) { range in
                                Compute.parallelFor(range, grain: 1) { inner in total.increment(by: inner.count) }
                            }
                        }
                    }
                }
            }
            #expect(total.value == 8 * 50 * 64)
        }
    }
}

/// A class, so that closures can share it.
final class Counter: Sendable {
    private let count = Mutex(0)
    var value: Int { count.withLock { $0 } }
    func increment(by amount: Int = 1) { count.withLock { $0 += amount } }
}
