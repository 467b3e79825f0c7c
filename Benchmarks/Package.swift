// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "benchmarks",
    platforms: [.macOS(.v15)],
    dependencies: [
        .package(name: "rollout", path: ".."),
        .package(url: "https://github.com/ordo-one/benchmark", from: "1.38.1", traits: []),
    ],
    targets: [
        .target(name: "Fixtures", dependencies: [.product(name: "Rollout", package: "rollout")]),
        .target(name: "Threads"),
        .executableTarget(
            name: "Memory",
            dependencies: ["Fixtures", "Threads", .product(name: "Rollout", package: "rollout")]
        ),
        .executableTarget(
            name: "RolloutBenchmarks",
            dependencies: [
                "Fixtures", "Threads", .product(name: "Rollout", package: "rollout"),
                .product(name: "Benchmark", package: "benchmark"),
            ],
            path: "Benchmarks/RolloutBenchmarks",
            plugins: [.plugin(name: "BenchmarkPlugin", package: "benchmark")]
        ),
        .executableTarget(
            name: "Compare",
            dependencies: ["Fixtures", "Threads", .product(name: "Rollout", package: "rollout")]
        ),
        .executableTarget(
            name: "Shadowing",
            dependencies: ["Fixtures", .product(name: "Rollout", package: "rollout")]
        ),
        .executableTarget(name: "Statistics", dependencies: [.product(name: "Rollout", package: "rollout")]),
        .executableTarget(name: "Gate", dependencies: ["Fixtures", .product(name: "Rollout", package: "rollout")]),
    ],
    swiftLanguageModes: [.v6]
)

for target in package.targets where target.type != .plugin {
    target.swiftSettings = [
        .strictMemorySafety(),  // SE-0458
        .enableUpcomingFeature("ExistentialAny"),  // SE-0335
        .enableUpcomingFeature("InternalImportsByDefault"),  // SE-0409
        .enableUpcomingFeature("MemberImportVisibility"),  // SE-0444
    ]
}
