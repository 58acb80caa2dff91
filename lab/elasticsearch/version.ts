/** The lab's Elasticsearch release: jars of Maven Central, packaged here. */
export const elasticsearchVersion = "9.5.3";
