import Rollout

extension Station {
    /// What a health check or a status page shows.
    static let status = Station(title: "The status of a router") { stage throws(Stop) in
        let router = try stage.router(stage.policy)
        do throws(JSONError) {
            let document = try JSONDocument(parsing: Array(router.status.json.utf8))
            stage.say(indented(document.root, depth: 4, indent: ""), .dim)
        } catch {
            throw .unusable("the status is no JSON: \(error)")
        }
    }
}
