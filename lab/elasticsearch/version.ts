/** The lab's Elasticsearch release: jars of Maven Central, packaged here. */
export const elasticsearchVersion = "9.5.3";
/** A release before it, from which a test upgrades. */
export const earlierElasticsearchVersion = "9.5.2";
