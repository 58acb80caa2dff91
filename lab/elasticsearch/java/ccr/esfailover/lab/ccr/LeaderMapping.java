package esfailover.lab.ccr;

import org.elasticsearch.action.ActionListener;
import org.elasticsearch.action.admin.indices.mapping.put.PutMappingRequest;
import org.elasticsearch.action.admin.indices.mapping.put.TransportPutMappingAction;
import org.elasticsearch.cluster.metadata.IndexMetadata;
import org.elasticsearch.index.Index;
import org.elasticsearch.xcontent.XContentType;

/** Gives a follower the mapping of its leader. */
record LeaderMapping(CcrClient client) {
    void give(Index follower, IndexMetadata leader, ActionListener<Void> listener) {
        if (leader.mapping() == null) {
            listener.onResponse(null);
            return;
        }
        PutMappingRequest request = new PutMappingRequest().setConcreteIndex(follower).origin(MetadataFollower.ORIGIN);
        request.source(leader.mapping().source().string(), XContentType.JSON);
        request.masterNodeTimeout(CcrClient.MASTER_TIMEOUT);
        client.localAsSystem(TransportPutMappingAction.TYPE, request, listener.map(done -> null));
    }
}
