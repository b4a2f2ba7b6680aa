import Foundation
import HalftoneFormats
import Testing

@Suite("Granularity")
struct GranularityTests {
    @Test("groups cover a row, the last one shorter when the width is not a multiple")
    func groupsCoverARow() {
        for width in [1, 2, 16, 31, 32, 33, 576, 1536] {
            for size in [1, 3, 16, 32, 64, 256] {
                let granularity = Granularity.group(size)
                #expect(granularity.groupSize(inFeatures: width) == size)
                let starts = Array(stride(from: 0, to: width, by: size))
                #expect(granularity.groupsPerRow(inFeatures: width) == starts.count)
            }
            #expect(Granularity.channel.groupsPerRow(inFeatures: width) == 1)
            #expect(Granularity.tensor.groupsPerRow(inFeatures: width) == 1)
            #expect(Granularity.channel.groupSize(inFeatures: width) == width)
        }
    }

    @Test("an empty row has no groups and no division by zero")
    func emptyRowHasNoGroups() {
        for granularity in [Granularity.tensor, .channel, .group(32)] {
            #expect(granularity.groupsPerRow(inFeatures: 0) == 0)
        }
    }

    @Test("names are the inverse of descriptions")
    func namesAreFound() {
        for granularity in [Granularity.tensor, .channel, .group(1), .group(32), .group(1 << 20)] {
            #expect(Granularity(named: granularity.description) == granularity)
        }
        #expect(Granularity.group(32).description == "32")
    }

    @Test(
        "a name that no granularity prints is refused",
        arguments: ["", "0", "-32", "+32", "032", "1048577", "row", "Channel", "32 ", "32.0"])
    func otherNamesAreRefused(name: String) {
        #expect(Granularity(named: name) == nil)
    }

    @Test("JSON holds the name, and a group of no weights is refused")
    func codingIsChecked() throws {
        let all = [Granularity.tensor, .channel, .group(64)]
        let data = try JSONEncoder().encode(all)
        #expect(String(decoding: data, as: UTF8.self) == #"["tensor","channel","64"]"#)
        #expect(try JSONDecoder().decode([Granularity].self, from: data) == all)
        for hostile in [#"["0"]"#, #"["-1"]"#, #"["rows"]"#, "[32]", #"[{"group":{"_0":0}}]"#] {
            #expect(throws: DecodingError.self, "\(hostile)") {
                try JSONDecoder().decode([Granularity].self, from: Data(hostile.utf8))
            }
        }
    }
}
