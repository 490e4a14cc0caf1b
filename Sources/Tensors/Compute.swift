import CKernels

/// Settings of the kernels, for the whole process.
public enum Compute {
    /// An instruction level with an implementation of every kernel.
    public enum Level: UInt32, Sendable, CaseIterable, Comparable {
        case scalar = 0
        /// AVX2, FMA and F16C.
        case avx2 = 1
        /// AVX-512 F, BW, DQ, VL and VNNI.
        case avx512 = 2
        /// The same with BF16.
        case avx512BFloat16 = 3

        public static func < (a: Level, b: Level) -> Bool { a.rawValue < b.rawValue }

        var native: cxr_level { cxr_level(rawValue) }
    }

    /// The best level of this CPU.
    public static var supportedLevel: Level { Level(rawValue: cxr_level_supported().rawValue) ?? .scalar }

    /// The level in use: the best one, unless the environment's `CXRGATE_KERNELS` (`scalar`, `avx2`, `avx512`, `avx512bf16`) or
    /// ``force(_:)`` lowers it.
    public static var level: Level { Level(rawValue: cxr_level_current().rawValue) ?? .scalar }

    /// Uses another level from now on; not to be called while kernels run. Returns false if this CPU lacks it.
    @discardableResult
    public static func force(_ level: Level) -> Bool { cxr_level_force(level.native) == 0 }

    /// Threads that share each kernel's work, the caller's included; by default the CPUs that the process may use.
    public static var threads: Int {
        get { cxr_pool_threads() }
        set { cxr_pool_set_threads(max(1, newValue)) }
    }

    /// Calls `body` on disjoint sub-ranges of at most `grain` elements, from all threads of the pool, until `range` is done.
    ///
    /// One loop runs at a time; a loop started inside a loop runs in its own thread alone. Operations on matrices must not be called
    /// inside: they run loops of their own.
    public static func parallelFor(_ range: Range<Int>, grain: Int, _ body: @Sendable (Range<Int>) -> Void) {
        withoutActuallyEscaping(body) { body in
            withUnsafePointer(to: body) { pointer in
                cxr_parallel_for(
                    range.lowerBound, range.upperBound, max(1, grain),
                    { context, begin, end, _ in
                        guard let context else { return }
                        context.assumingMemoryBound(to: (@Sendable (Range<Int>) -> Void).self).pointee(begin..<end)
                    }, UnsafeMutableRawPointer(mutating: pointer))
            }
        }
    }
}
