import Findings
import Foundation
import Testing

@Suite struct RegionTests {
    @Test func theFirstPixelIsHalfOpen() {
        let pixel = Region(x: 0, y: 0, width: 1, height: 1)
        #expect(pixel.contains(x: 0, y: 0))
        #expect(!pixel.contains(x: 1, y: 0))
        #expect(!pixel.contains(x: 0, y: 1))
        #expect(pixel.area == 1)
    }

    @Test func overlapIsMeasuredExactly() {
        let one = Region(x0: 0, y0: 0, x1: 10, y1: 10)
        let half = Region(x0: 5, y0: 0, x1: 15, y1: 10)
        #expect(one.intersectionOverUnion(one) == 1)
        #expect(one.intersectionOverUnion(half) == 50.0 / 150.0)
        #expect(one.intersectionOverUnion(half) == half.intersectionOverUnion(one))
    }

    @Test func boxesThatTouchDoNotOverlap() {
        let one = Region(x0: 0, y0: 0, x1: 10, y1: 10)
        let next = Region(x0: 10, y0: 0, x1: 20, y1: 10)
        #expect(one.intersection(next) == nil)
        #expect(one.intersectionOverUnion(next) == 0)
    }

    @Test(arguments: [
        Region(x0: 5, y0: 5, x1: 5, y1: 9), Region(x0: 9, y0: 5, x1: 5, y1: 9),
        Region(x0: .nan, y0: 0, x1: 1, y1: 1),
    ])
    func aDegenerateBoxCoversNothing(_ box: Region) {
        #expect(box.isEmpty)
        #expect(box.area == 0)
        #expect(box.intersectionOverUnion(Region(x0: 0, y0: 0, x1: 100, y1: 100)) == 0)
    }

    @Test func clampingCutsAtTheImage() throws {
        let box = Region(x0: -3, y0: 90, x1: 50, y1: 120)
        #expect(box.clamped(toColumns: 40, rows: 100) == Region(x0: 0, y0: 90, x1: 40, y1: 100))
        #expect(Region(x0: 50, y0: 0, x1: 60, y1: 10).clamped(toColumns: 40, rows: 100) == nil)
        #expect(box.overhang(beyond: Region(x0: 0, y0: 0, x1: 40, y1: 100)) == 20)
    }

    @Test func scalingAndMovingRoundTrip() {
        let box = Region(x0: 10, y0: 20, x1: 30, y1: 60)
        #expect(box.scaled(x: 2, y: 0.5).scaled(x: 0.5, y: 2) == box)
        #expect(box.offset(x: 7, y: -3).offset(x: -7, y: 3) == box)
    }

    @Test func overlapAgreesWithCountingPixels() {
        let seed: UInt64 = 20_260_711
        var state = seed
        func next(_ limit: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % UInt64(limit))
        }
        print("seed \(seed)")
        for _ in 0..<200 {
            let boxes = (0..<2).map { _ in
                Region(
                    x: Double(next(20)), y: Double(next(20)), width: Double(1 + next(12)), height: Double(1 + next(12)))
            }
            var both = 0
            var either = 0
            for y in 0..<40 {
                for x in 0..<40 {
                    let inside = boxes.map { $0.contains(x: Double(x) + 0.5, y: Double(y) + 0.5) }
                    if inside[0] && inside[1] { both += 1 }
                    if inside[0] || inside[1] { either += 1 }
                }
            }
            #expect(abs(boxes[0].intersectionOverUnion(boxes[1]) - Double(both) / Double(either)) < 1e-12)
        }
    }
}
