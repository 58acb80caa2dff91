package esfailover.lab.ccr;

import org.elasticsearch.cluster.metadata.DataStream;
import org.elasticsearch.cluster.metadata.DataStream.DataStreamIndices;
import org.elasticsearch.cluster.metadata.IndexMetadata;
import org.elasticsearch.cluster.metadata.ProjectMetadata;
import org.elasticsearch.index.Index;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;

/** A leader index, and the data stream that it backs; null for none. */
record FollowedStream(IndexMetadata leader, DataStream stream) {
    /**
     * Gives this cluster the leader's data stream, marked as replicated, with those of its backing indices that are followed. Failure stores
     * are not followed.
     *
     * @param name of the stream in this cluster; null for the leader's
     */
    void addTo(ProjectMetadata.Builder project, String follower, String name) {
        String ownName = Objects.requireNonNullElse(name, stream.getName());
        Index index = project.get(follower).getIndex();
        DataStream own = project.dataStream(ownName);
        List<Index> indices = new ArrayList<>(own == null ? List.of() : own.getIndices());
        if (own != null && own.isReplicated() == false) {
            String message = "cannot follow backing index [%s], because local data stream [%s] is no longer marked as replicated";
            throw new IllegalArgumentException(message.formatted(follower, ownName));
        }
        // One that was closed keeps its UUID, and its place.
        if (indices.contains(index) == false) {
            indices.add(index);
            indices.sort(byAge(ownName));
        }
        project.put(
            stream.copy()
                .setName(ownName)
                .setBackingIndices(DataStreamIndices.backingIndicesBuilder(indices).build())
                .setFailureIndices(DataStreamIndices.failureIndicesBuilder(List.of()).build())
                .setReplicated(true)
                .build()
        );
    }

    /** The last one is the write index: so indices that were named otherwise come first. */
    private static Comparator<Index> byAge(String stream) {
        String prefix = DataStream.BACKING_INDEX_PREFIX;
        return Comparator.comparing((Index index) -> index.getName().contains(prefix + stream))
            .thenComparing(index -> index.getName().substring(Math.max(0, index.getName().indexOf(prefix))));
    }
}
