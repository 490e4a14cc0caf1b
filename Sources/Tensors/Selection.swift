extension Matrix {
    /// Column of the largest value of a row, the first of equal ones; NaN never wins.
    public func argmax(row: Int) -> Int {
        withRow(row) { values in
            var best = 0
            var largest = -Float.infinity
            for (i, value) in values.enumerated() where value > largest {
                largest = value
                best = i
            }
            return best
        }
    }

    /// Columns of the `count` largest values of a row, largest first, lower column first among equals; NaN is left out.
    public func largest(_ count: Int, row: Int) -> [(column: Int, value: Float)] {
        withRow(row) { values in
            // A heap of the best so far with the worst on top.
            var heap: [(column: Int, value: Float)] = []
            func isWorse(_ a: (column: Int, value: Float), _ b: (column: Int, value: Float)) -> Bool {
                a.value < b.value || (a.value == b.value && a.column > b.column)
            }
            func sink(_ start: Int) {
                var i = start
                while true {
                    var worst = i
                    for child in [2 * i + 1, 2 * i + 2] where child < heap.count && isWorse(heap[child], heap[worst]) {
                        worst = child
                    }
                    if worst == i { return }
                    heap.swapAt(i, worst)
                    i = worst
                }
            }
            for (column, value) in values.enumerated() where !value.isNaN {
                if heap.count < count {
                    heap.append((column, value))
                    if heap.count == count { for i in (0..<(count / 2 + 1)).reversed() where i < count { sink(i) } }
                } else if count > 0, isWorse(heap[0], (column, value)) {
                    heap[0] = (column, value)
                    sink(0)
                }
            }
            return heap.sorted { isWorse($1, $0) }
        }
    }
}
