// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "rollout",
    platforms: [.macOS(.v15)],
    products: [
        .library(name: "Rollout", targets: ["Rollout"]),
        .executable(name: "RolloutDemo", targets: ["RolloutDemo"]),
    ],
    targets: [
        .target(name: "Rollout"),
        .executableTarget(name: "RolloutDemo", dependencies: ["Rollout"], exclude: ["Recorded"]),
        .testTarget(name: "RolloutTests", dependencies: ["Rollout"], exclude: ["Vectors"]),
        .testTarget(name: "RolloutDemoTests", dependencies: ["RolloutDemo"]),
    ],
    swiftLanguageModes: [.v6]
)

for target in package.targets {
    target.swiftSettings = [
        .strictMemorySafety(),  // SE-0458
        .enableUpcomingFeature("ExistentialAny"),  // SE-0335
        .enableUpcomingFeature("InternalImportsByDefault"),  // SE-0409
        .enableUpcomingFeature("MemberImportVisibility"),  // SE-0444
        .enableUpcomingFeature("InferIsolatedConformances"),  // SE-0470
        .enableUpcomingFeature("NonisolatedNonsendingByDefault"),  // SE-0461
        .enableUpcomingFeature("ImmutableWeakCaptures"),  // SE-0481
    ]
}
